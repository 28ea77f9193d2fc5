import Bedrock
import Model

extension FileTailer {
    /// Looks at what stands at a group's path now, and follows what stood there if that moved.
    func checkPath(_ group: TailGroup, _ sink: LogAppending, _ now: UInt64) {
        let status: FileStatus?
        do throws(FileError) { status = try opening.files.status(group.path) } catch {
            complain(error.description)
            return
        }
        guard let status, status.isRegular else {
            if let gone = group.current {
                group.elders.append(gone)
                group.current = nil
            }
            if group.elders.isEmpty { groups[group.job.name + "\0" + group.path] = nil }
            return
        }
        let identity = FileIdentity(status)
        guard group.current?.position.identity != identity, !isActive(identity, group.job) else { return }
        if let old = group.current { group.elders.append(old) }
        group.current = nil
        begin(group, status, sink, now)
    }

    /// Begins to read what stands at a group's path: where it was left, or at its beginning.
    /// - Returns: false where that has to wait.
    @discardableResult
    func begin(_ group: TailGroup, _ status: FileStatus, _ sink: LogAppending, _ now: UInt64) -> Bool {
        let identity = FileIdentity(status)
        let isCompressed = FileOpening.isCompressed(group.path)
        if isCompressed && status.modified > clock.now() - limits.compressedAge { return false }
        let file: any File
        do throws(FileError) {
            file = try opening.open(group.path)
            // Another one may have taken its place since.
            guard FileIdentity(try file.status()) == identity else { return false }
        } catch {
            complain(error.description)
            return false
        }
        var position = TailPosition(path: group.path, identity: identity)
        // What was rotated away unseen is newer than what was seen last.
        position.modified = lastSeen(group) ?? status.modified
        let fresh = position
        let key = position.key(job: group.job.name)
        resumeElders(group, besides: identity, sink, now)
        if let left = known[key], isContinued(left, file, isCompressed) {
            position = left
            position.path = group.path
        } else {
            if let left = known[key], left.offset > 0, left.path == group.path, !left.isFinished {
                // Truncated while nobody looked: the rest may stand in a copy.
                adopt(copyOf: left, group, besides: identity, sink, now)
            }
            switch owner(of: file, group, identity) {
            case .none: break
            case .left(let left):
                sink.advance(left.key(job: group.job.name), [])
                known[left.key(job: group.job.name)] = nil
                position = left
                position.identity = identity
                position.path = group.path
                position.isFinished = false
            case .undecided: return false
            }
        }
        known[key] = nil
        if position == fresh { sink.advance(key, position.encode()) }
        let tailed = make(position, group, file, isCompressed, now)
        if position.isFinished && isCompressed { tailed.file = nil }
        group.current = tailed
        group.isDirty = true
        resume(tailed, sink)
        return true
    }

    private func isContinued(_ position: TailPosition, _ file: any File, _ isCompressed: Bool) -> Bool {
        if isCompressed && position.isFinished { return true }
        return (try? position.head.stands(in: file, at: 0)) ?? false
    }

    func make(
        _ position: TailPosition, _ group: TailGroup, _ file: any File, _ isCompressed: Bool, _ now: UInt64
    ) -> TailedFile {
        let tailed = TailedFile(
            job: group.job, position: position, pipeline: group.job.pipeline(group.labels), isCompressed: isCompressed,
            now: now)
        tailed.file = file
        return tailed
    }

    private func resume(_ file: TailedFile, _ sink: LogAppending) {
        do throws(FileError) { try file.resume(into: sink) } catch { complain(error.description) }
    }

    // MARK: What stood there before

    /// At a start: files that stood at the path when an earlier run ended, and weren't read to their end.
    func resumeElders(_ group: TailGroup, besides current: FileIdentity?, _ sink: LogAppending, _ now: UInt64) {
        let prefix = TailPosition.prefix(job: group.job.name)
        let left = known.filter { key, position in
            key.hasPrefix(prefix) && position.path == group.path && position.identity != current
                && !position.isFinished && !isActive(position.identity, group.job)
        }.values.sorted { $0.modified < $1.modified }
        if left.isEmpty { return }
        let siblings = opening.siblings(of: group.path)
        for position in left {
            let place = siblings.first { $0.identity == position.identity && isSame(position, $0, group) }
            if let place {
                follow(position, place, group, sink, now)
            } else {
                adopt(copyOf: position, group, besides: current, sink, now)
            }
        }
    }

    /// When what this path's lines came from was last modified, as far as anybody knows.
    func lastSeen(_ group: TailGroup) -> Int64? {
        let prefix = TailPosition.prefix(job: group.job.name)
        let left = known.lazy.filter { $0.key.hasPrefix(prefix) && $0.value.path == group.path }.map(\.value.modified)
        return (group.members.map(\.position.modified) + left).max()
    }

    private func isSame(_ position: TailPosition, _ sibling: FileOpening.Sibling, _ group: TailGroup) -> Bool {
        guard let file = opened(sibling, group) else { return false }
        return (try? position.head.stands(in: file, at: 0)) ?? false
    }

    func opened(_ sibling: FileOpening.Sibling, _ group: TailGroup) -> (any File)? {
        opening.open(sibling.identity, at: sibling.path, beside: group.path)
    }

    private func follow(
        _ position: TailPosition, _ place: FileOpening.Sibling, _ group: TailGroup, _ sink: LogAppending, _ now: UInt64
    ) {
        guard let file = opened(place, group) else { return }
        known[position.key(job: group.job.name)] = nil
        var position = position
        position.identity = place.identity
        let elder = make(position, group, file, FileOpening.isCompressed(place.path), now)
        group.elders.append(elder)
        resume(elder, sink)
    }

    // MARK: Copy and truncate

    /// A file was truncated where it stood: what of it wasn't read may be in a copy; it begins anew.
    func restart(_ file: TailedFile, _ group: TailGroup, _ sink: LogAppending, _ now: UInt64) {
        let old = file.positionNow
        let isFound = adopt(copyOf: old, group, besides: old.identity, sink, now)
        if !isFound { file.flush(into: sink, now: now, all: true) }
        var fresh = TailPosition(path: group.path, identity: old.identity)
        fresh.modified = old.modified
        guard let handle = file.file else { return }
        let next = make(fresh, group, handle, false, now)
        if group.current === file {
            group.current = next
        } else if let index = group.elders.firstIndex(where: { $0 === file }) {
            group.elders[index] = next
        }
        sink.advance(next.key, next.positionNow.encode())
        group.isDirty = true
    }

    /// Goes on in another file with the same bytes: the copy of a truncated file, or a compressed one of one that is gone.
    @discardableResult
    private func adopt(
        copyOf position: TailPosition, _ group: TailGroup, besides current: FileIdentity?, _ sink: LogAppending,
        _ now: UInt64
    ) -> Bool {
        let siblings =
            position.head.length == 0
            ? []
            : opening.siblings(of: group.path)
                .filter { $0.identity != current && !isActive($0.identity, group.job) && !isKnown($0, group) }
                .sorted(by: FileOpening.Sibling.isOlder)
        for sibling in siblings {
            guard let file = opened(sibling, group), holds(file, position) else { continue }
            var copied = position
            copied.identity = sibling.identity
            let oldKey = position.key(job: group.job.name)
            if known[oldKey] != nil {
                known[oldKey] = nil
                sink.advance(oldKey, [])
            }
            let elder = make(copied, group, file, FileOpening.isCompressed(sibling.path), now)
            group.elders.append(elder)
            resume(elder, sink)
            sink.advance(elder.key, elder.positionNow.encode())
            return true
        }
        return false
    }

    private func holds(_ file: any File, _ position: TailPosition) -> Bool {
        guard let head = try? position.head.stands(in: file, at: 0), head,
            let tail = try? position.tail.stands(in: file, at: position.offset - UInt64(position.tail.length))
        else { return false }
        return tail
    }

    enum Owner {
        case none
        /// It is what was read under another name or number before.
        case left(TailPosition)
        /// It may be the copy of a file that is still being read; time will tell.
        case undecided
    }

    /// Whether a file nobody knows by its number holds what was read elsewhere.
    func owner(of file: any File, _ group: TailGroup, _ identity: FileIdentity) -> Owner {
        let directory = Path.parent(group.path)
        let prefix = TailPosition.prefix(job: group.job.name)
        for (key, position) in known where key.hasPrefix(prefix) {
            guard position.identity != identity, position.head.length >= 64, Path.parent(position.path) == directory,
                holds(file, position)
            else { continue }
            return .left(position)
        }
        for other in groups.values where other.job === group.job && Path.parent(other.path) == directory {
            for tailed in other.members where tailed.position.identity != identity {
                let position = tailed.positionNow
                if position.head.length >= 64, holds(file, position) { return .undecided }
            }
        }
        return .none
    }

    // MARK: Descriptors

    /// Opens a file that was closed to save descriptors.
    func open(_ file: TailedFile, _ group: TailGroup, _ now: UInt64) -> Bool {
        if file.file != nil { return true }
        if file.isCompressed && file.position.isFinished { return false }
        let identity = file.position.identity
        let here = try? opening.files.status(group.path)
        let path =
            (here ?? nil).map { FileIdentity($0) } == identity
            ? group.path : opening.siblings(of: group.path).first { $0.identity == identity }?.path
        guard let path, let handle = opening.open(identity, at: path, beside: group.path) else {
            group.elders.removeAll { $0 === file }
            return false
        }
        file.file = handle
        closeSome(besides: file)
        return true
    }

    /// Closes those that had nothing to read for the longest time.
    private func closeSome(besides kept: TailedFile) {
        let open = groups.values.compactMap(\.current).filter { $0.file != nil && $0 !== kept && !$0.isCompressed }
        guard open.count >= limits.openFilesMax else { return }
        let idle = open.filter { $0.lag == 0 }.sorted { $0.lastRead < $1.lastRead }
        for file in idle.prefix(open.count - limits.openFilesMax + 1 + limits.openFilesMax / 8) { file.file = nil }
    }

    /// Forgets files that are gone for good.
    func forget(_ sink: LogAppending, _ now: UInt64) {
        var byDirectory: [String: Set<FileIdentity>] = [:]
        for (key, position) in known {
            let age: Int64 = position.isFinished ? 600_000 : 86_400_000
            guard position.modified < clock.now() - age else { continue }
            let directory = Path.parent(position.path)
            let present = byDirectory[directory] ?? identities(directory)
            byDirectory[directory] = present
            if present.contains(position.identity) { continue }
            known[key] = nil
            sink.advance(key, [])
        }
    }

    private func identities(_ directory: String) -> Set<FileIdentity> {
        let names = (try? opening.files.list(directory)) ?? []
        return Set(
            names.compactMap { name in
                ((try? opening.files.status(Path.join(directory, name))) ?? nil).map { FileIdentity($0) }
            })
    }
}
