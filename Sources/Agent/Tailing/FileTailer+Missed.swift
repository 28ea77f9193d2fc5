import Bedrock
import Model

/// Generations of a file that were written and rotated away between two looks, or while nobody looked.
extension FileTailer {
    /// The most that is compared to tell a copy from another generation.
    private static let comparedBytesMax = 64 << 10

    /// Whether what stands at a path is what comes after what was seen last. Asked when its first bytes were read and aren't consumed yet,
    /// so that nothing that was rotated away before them is overlooked; what was is read first.
    /// - Parameter first: its first bytes.
    func isNext(
        _ file: TailedFile, _ first: UnsafeRawBufferPointer, _ group: TailGroup, _ sink: LogAppending, _ now: UInt64
    ) -> Bool {
        guard group.current === file, !file.isCompressed, let live = file.file else { return true }
        return !adoptMissed(
            since: file.position.modified, group, live: live, first: first.prefix(Self.comparedBytesMax).map { $0 },
            sink,
            now)
    }

    /// Takes up what was rotated away unseen since `since`, in milliseconds.
    /// - Parameters:
    ///   - live: what stands at the path, whose copies are not taken; nil where nothing does.
    ///   - first: the first bytes that were read of it.
    /// - Returns: whether there was any, or will be.
    @discardableResult
    func adoptMissed(
        since: Int64, _ group: TailGroup, live: (any File)?, first: [UInt8], _ sink: LogAppending, _ now: UInt64
    ) -> Bool {
        let identity = (try? live?.status()).map { FileIdentity($0) }
        let candidates = opening.siblings(of: group.path).filter { sibling in
            sibling.status.modified >= since && sibling.status.size > 0 && sibling.identity != identity
                && FileOpening.isGeneration(sibling.path, of: group.path) && !isActive(sibling.identity, group.job)
                && !isNamed(sibling.path, group.job) && !isKnown(sibling, group)
        }
        if candidates.isEmpty { return false }
        // Read after the list was made: a copy that isn't whole is a copy of this.
        let present = live.map { beginning(of: $0) } ?? []
        var hasMissed = false
        for sibling in candidates.sorted(by: FileOpening.Sibling.isOlder) {
            guard let other = opened(sibling, group) else { continue }
            let isCompressed = FileOpening.isCompressed(sibling.path)
            if isCompressed && sibling.status.modified > clock.now() - limits.compressedAge {
                // It is still being written.
                hasMissed = true
                group.retryAt = now &+ 200_000_000
                continue
            }
            let theirs = beginning(of: other)
            guard !theirs.isEmpty, !isCopy(theirs, first), !isCopy(theirs, present),
                case .none = owner(of: other, group, sibling.identity)
            else { continue }
            var position = TailPosition(path: group.path, identity: sibling.identity)
            position.modified = sibling.status.modified
            let elder = make(position, group, other, isCompressed, now)
            group.elders.append(elder)
            sink.advance(elder.key, position.encode())
            hasMissed = true
        }
        return hasMissed
    }

    /// At a start: paths that were read before and at which nothing stands now, such as between a rotation and the next line.
    func resumeVacant(_ job: TailJob, _ target: LogTarget, _ sink: LogAppending, _ now: UInt64) {
        let prefix = TailPosition.prefix(job: job.name)
        for path in Set(known.lazy.filter { $0.key.hasPrefix(prefix) }.map(\.value.path)) {
            let key = job.name + "\0" + path
            guard groups[key] == nil, target.pattern.matches(path),
                !target.excluded.contains(where: { $0.matches(path) }),
                (try? opening.files.status(path)) == nil, let labels = job.labels(path, target)
            else { continue }
            let group = TailGroup(job: job, path: path, labels: labels)
            let since = lastSeen(group) ?? .max
            resumeElders(group, besides: nil, sink, now)
            // What is being read already isn't missed.
            groups[key] = group
            adoptMissed(since: since, group, live: nil, first: [], sink, now)
            if group.elders.isEmpty { groups[key] = nil }
        }
    }

    /// Whether two beginnings may be of one generation, of which either may be cut short.
    private func isCopy(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        let count = min(one.count, other.count)
        return count > 0 && one.prefix(count) == other.prefix(count)
    }

    /// Empty where it can't be read.
    private func beginning(of file: any File) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.comparedBytesMax) { room, count in
            count = (try? file.read(at: 0, into: UnsafeMutableRawBufferPointer(room))) ?? 0
        }
    }

    /// Files that a pattern finds by themselves are no group's but their own.
    private func isNamed(_ path: String, _ job: TailJob) -> Bool {
        job.configuration.targets.contains { $0.pattern.matches(path) }
    }

    /// Whether it was read before, under whatever name.
    func isKnown(_ sibling: FileOpening.Sibling, _ group: TailGroup) -> Bool {
        let key = TailPosition(path: "", identity: sibling.identity).key(job: group.job.name)
        guard let position = known[key], let file = opened(sibling, group) else { return false }
        return (try? position.head.stands(in: file, at: 0)) ?? false
    }
}
