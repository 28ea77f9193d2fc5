/// The distribution, from os-release(5).
struct OSCollector: HostCollector {
    let name = "os"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let root = host.root == "/" ? "" : host.root
        let text: KernelText
        if let main = try? KernelText(root + "/etc/os-release") {
            text = main
        } else {
            text = try KernelText(root + "/usr/lib/os-release")
        }
        let os = Self.parse(text)
        func value(_ key: String) -> String { os[key] ?? "" }
        out.gauge(
            "node_os_info",
            "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, image_version, name, pretty_name, variant, variant_id, version, version_codename, version_id.",
            1,
            [
                "build_id": value("BUILD_ID"), "id": value("ID"), "id_like": value("ID_LIKE"),
                "image_id": value("IMAGE_ID"), "image_version": value("IMAGE_VERSION"), "name": value("NAME"),
                "pretty_name": value("PRETTY_NAME"), "variant": value("VARIANT"), "variant_id": value("VARIANT_ID"),
                "version": value("VERSION"), "version_codename": value("VERSION_CODENAME"),
                "version_id": value("VERSION_ID"),
            ])
        if let version = Self.majorMinor(value("VERSION_ID")) {
            out.gauge(
                "node_os_version", "Metric containing the major.minor part of the OS version.", version,
                ["id": value("ID"), "id_like": value("ID_LIKE"), "name": value("NAME")])
        }
    }

    private static func parse(_ text: KernelText) -> [String: String] {
        var result: [String: String] = [:]
        text.forEachLine { line in
            guard let key = line.until("="), !key.hasPrefix("#") else { return }
            result[key] = unquoted(line.remainder)
        }
        return result
    }

    /// Shell quoting, as far as os-release(5) allows it.
    private static func unquoted(_ text: String) -> String {
        guard let quote = text.first, quote == "\"" || quote == "'", text.count >= 2, text.last == quote else {
            return text
        }
        var out = ""
        var escaped = false
        for character in text.dropFirst().dropLast() {
            if !escaped && character == "\\" && quote == "\"" {
                escaped = true
                continue
            }
            out.append(character)
            escaped = false
        }
        return out
    }

    /// `22.04.1` is 22.04.
    private static func majorMinor(_ version: String) -> Double? {
        Double(version.split(separator: ".").prefix(2).joined(separator: "."))
    }
}
