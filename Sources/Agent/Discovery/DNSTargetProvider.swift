import Bedrock
import CLinux

/// `dns_sd_configs`: targets from records of the domain name system, by the machine's own resolver. Asking may take as long as that waits, so it is done on a
/// thread of its own.
struct DNSTargetProvider: TargetProvider {
    let names: [String]
    let type: DNSRecordType
    let port: Int?
    /// Instead of the machine's: address and port of a name server.
    var server: (address: String, port: UInt16)?

    private static let answerBytesMax = 64 << 10

    func fetch(_ done: @escaping @Sendable (Result<[TargetGroup], DiscoveryFailure>) -> Void) {
        let started = HelperThread.detach(named: "dns-discovery") { [self] in done(ask()) }
        if !started { done(.failure(DiscoveryFailure("no thread to ask with"))) }
    }

    private func ask() -> Result<[TargetGroup], DiscoveryFailure> {
        var groups: [TargetGroup] = []
        for name in names {
            switch records(name) {
            case .failure(let failure): return .failure(failure)
            case .success(let records): groups += records.map { group($0, name) }
            }
        }
        return .success(groups)
    }

    private func group(_ record: DNSMessage.Record, _ name: String) -> TargetGroup {
        var labels = [LabelPair("__meta_dns_name", name)]
        switch record {
        case .address(let address): return TargetGroup(addresses: ["\(address):\(port ?? 0)"], labels: labels)
        case .name(let target):
            labels.append(
                LabelPair(type == .mx ? "__meta_dns_mx_record_target" : "__meta_dns_ns_record_target", target))
            return TargetGroup(addresses: ["\(target):\(port ?? 0)"], labels: labels)
        case .service(let target, let port):
            labels.append(LabelPair("__meta_dns_srv_record_target", target + "."))
            labels.append(LabelPair("__meta_dns_srv_record_port", String(port)))
            return TargetGroup(addresses: ["\(target):\(port)"], labels: labels)
        }
    }

    private func records(_ name: String) -> Result<[DNSMessage.Record], DiscoveryFailure> {
        var answer = [UInt8](repeating: 0, count: Self.answerBytesMax)
        let length = answer.withUnsafeMutableBytes { room in
            clinux_dns_query(name, type.code, server?.address, server?.port ?? 0, room.baseAddress, room.count)
        }
        switch length {
        // The name, or such a record of it, does not exist: a service without instances.
        case 0: return .success([])
        case ..<0:
            return .failure(
                DiscoveryFailure("\(name): \(length == -1 ? "no name server answers" : "the name server refuses")"))
        default:
            return answer.withUnsafeBytes { bytes in
                do throws(DecodeError) {
                    let message = UnsafeRawBufferPointer(rebasing: bytes[..<min(Int(length), bytes.count)])
                    return .success(try DNSMessage(message).records)
                } catch {
                    return .failure(DiscoveryFailure("\(name): the name server's answer can't be read: \(error)"))
                }
            }
        }
    }
}

extension DNSRecordType {
    /// RFC 1035's number.
    var code: Int32 {
        switch self {
        case .a: 1
        case .ns: 2
        case .mx: 15
        case .aaaa: 28
        case .srv: 33
        }
    }
}
