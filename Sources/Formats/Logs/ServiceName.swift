import Bedrock

/// The label `service_name`, as Loki derives it when told to.
enum ServiceName {
    /// Labels that name a service, the first found wins.
    private static let sources: [StaticString] = [
        "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container", "container_name",
        "k8s_container_name", "component", "workload", "job", "k8s_job_name",
    ]

    static func add(to labels: inout LabelSetWriter) {
        if labels.pairs.contains(where: { $0.name.spells("service_name") }) { return }
        for source in sources {
            if let pair = labels.pairs.first(where: { $0.name.spells(source) && !$0.value.isEmpty }) {
                labels.add(UnsafeRawBufferPointer("service_name"), pair.value)
                return
            }
        }
        addUnknown(to: &labels)
    }

    /// For protocols whose senders needn't name anything: a stream must have a label to be found by.
    static func addUnknown(to labels: inout LabelSetWriter) {
        labels.add(UnsafeRawBufferPointer("service_name"), UnsafeRawBufferPointer("unknown_service"))
    }
}
