/// Recipes that leave either all or nothing after a crash.
extension FileSystem {
    /// Creates a directory and its missing parents so that their names survive a crash.
    public func createDirectoryDurably(_ path: String) throws(FileError) {
        let parent = Path.parent(path)
        if try status(path) == nil {
            if parent != path { try createDirectoryDurably(parent) }
            try createDirectory(path)
        }
        // Also when it was there: a process may have died between the two.
        do throws(FileError) { try syncDirectory(parent) } catch  where error.reason == .denied {
            // A parent of someone else's, which was there before.
        }
    }

    /// Writes a file so that its name appears whole and durable, in place of an older one if there is one: temporary file, sync, rename, sync
    /// of the directory. The file stays open.
    public func publish(_ path: String, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> any File {
        let temporary = path + ".tmp"
        try remove(temporary)
        let file = try open(temporary, .createNew)
        try file.write(bytes, at: 0)
        try file.sync()
        try rename(temporary, to: path)
        try syncDirectory(Path.parent(path))
        return file
    }
}
