import Bedrock
import Model

/// Puts one object: its name is reserved first, then it is written, synced and opened again; the catalog refers to it only after that.
struct SegmentPut<Format: SegmentFormat> {
    let shard: Shard<Format>
    let format: Format
    let environment: EngineEnvironment

    /// - Parameter write: writes the object's bytes and says what it is; nil when there was nothing to write.
    func put(
        _ write: (_ writer: any ObjectWriter, _ name: String) throws -> SegmentRecord?
    ) throws -> SegmentHandle<Format>? {
        let name = shard.newObjectName()
        try environment.catalog.reserve(name, shard: shard.key, epoch: shard.epoch)
        do {
            let writer = try environment.objects.create(name)
            guard let record = try write(writer, name) else {
                shard.abandon(name)
                return nil
            }
            try writer.finish()
            let segment = try format.open(try environment.objects.open(name))
            return SegmentHandle(record: record, segment: segment)
        } catch {
            shard.abandon(name)
            throw error
        }
    }
}
