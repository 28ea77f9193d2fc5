import Bedrock
import Model
import Synchronization

/// A job at work: what the files of one entry of `log_configs` have in common. Stepped by one thread; counters are read by any.
final class TailJob: Sendable {
    let configuration: LogJob
    let clock: any ClockSource
    private let losses: any LossRecorder
    /// How often redaction rules found something, by rule.
    let redactions = Mutex<[String: Int]>([:])

    var name: String { configuration.name }
    /// Nanoseconds.
    var unfinishedWait: UInt64 { UInt64(clamping: configuration.unfinishedWait) * 1_000_000 }

    init(_ configuration: LogJob, clock: any ClockSource, losses: any LossRecorder) {
        self.configuration = configuration
        self.clock = clock
        self.losses = losses
    }

    /// A pipeline for one source with these labels.
    func pipeline(_ labels: Labels) -> EntryPipeline {
        let dropped: (String) -> Void = { [losses] in losses.lost(lines: 1, place: "agent_stage", reason: $0) }
        let context = StageContext(clock: clock, dropped: dropped)
        let redactor = Redactor(configuration.redactions) { [self] rule, count in
            redactions.withLock { $0[rule, default: 0] += count }
        }
        return EntryPipeline(
            labels: labels, tenant: configuration.tenant, stages: configuration.stages.map { $0.make(context) },
            redactor: redactor, dropped: dropped)
    }

    /// The labels of the lines of `path`; nil when relabelling drops it.
    func labels(_ path: String, _ target: LogTarget) -> Labels? {
        var builder = LabelsBuilder()
        let kubernetes = KubernetesPath(path)
        if let kubernetes { for label in kubernetes.labels { builder.set(label.name, label.value) } }
        for label in target.labels { builder.set(label.name, label.value) }
        builder.set("filename", path)
        builder.set("__path__", path)
        return finish(builder)
    }

    /// Relabels, and takes away what is only for that.
    func finish(_ labels: LabelsBuilder) -> Labels? {
        var labels = labels
        guard Relabelling.apply(configuration.relabelRules, to: &labels) else { return nil }
        for label in labels.list where label.name.hasPrefix("__") { labels.remove(label.name) }
        return labels.labels()
    }
}

/// What Kubernetes says by the path of a container's log.
struct KubernetesPath: Equatable {
    var namespace: String
    var pod: String
    var container: String
    /// Of the pod.
    var uid: String?
    var containerID: String?

    /// `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log` or `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log`, below any root.
    init?(_ path: String) {
        let parts = path.split(separator: "/").map(String.init)
        if parts.count >= 4, parts[parts.count - 4] == "pods" {
            let names = parts[parts.count - 3].split(separator: "_").map(String.init)
            guard names.count == 3 else { return nil }
            (namespace, pod, uid) = (names[0], names[1], names[2])
            container = parts[parts.count - 2]
            return
        }
        guard parts.count >= 2, parts[parts.count - 2] == "containers", let last = parts.last, last.hasSuffix(".log")
        else { return nil }
        let names = last.dropLast(4).split(separator: "_").map(String.init)
        guard names.count == 3, let dash = names[2].lastIndex(of: "-") else { return nil }
        let id = names[2][names[2].index(after: dash)...]
        guard id.utf8.count == 64, id.utf8.allSatisfy({ $0 &- 48 < 10 || $0 &- 97 < 6 }) else { return nil }
        (pod, namespace) = (names[0], names[1])
        container = String(names[2][..<dash])
        containerID = String(id)
    }

    /// Labels for the stream, and those that relabelling knows from Kubernetes discovery.
    var labels: [Label] {
        [
            Label("namespace", namespace), Label("pod", pod), Label("container", container),
            Label("__meta_kubernetes_namespace", namespace), Label("__meta_kubernetes_pod_name", pod),
            Label("__meta_kubernetes_pod_uid", uid ?? ""), Label("__meta_kubernetes_pod_container_name", container),
            Label("__meta_kubernetes_pod_container_id", containerID ?? ""),
        ]
    }
}
