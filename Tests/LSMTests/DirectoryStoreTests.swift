import Bedrock
import Testing

@testable import LSM

@Suite struct DirectoryStoreTests {
    private func put(_ name: String, _ bytes: [UInt8], _ store: DirectoryStore) throws {
        let writer = try store.create(name)
        try bytes.withUnsafeBytes { try writer.append($0) }
        #expect(writer.count == bytes.count)
        try writer.finish()
    }

    @Test func objectsAppearWholeOrNotAtAll() throws {
        for seed in 0..<60 as Range<UInt64> {
            let fs = SimulatedFileSystem(seed: seed)
            do {
                let store = try DirectoryStore(root: "/data/objects", fileSystem: fs)
                try put("rows/0/a", [1, 2, 3], store)
                let crashAt = fs.changeCount + Int(seed % 7) + 1
                fs.setFaults { $0.crashAt = crashAt }
                try? put("rows/0/b", [UInt8](repeating: 7, count: 5000), store)
            }
            if !fs.isDown { fs.crash() }
            fs.restart()
            let store = try DirectoryStore(root: "/data/objects", fileSystem: fs)
            let part = try store.open("rows/0/a").bytes(1..<3)
            let content = withExtendedLifetime(part.owner) { Array(part.bytes) }
            #expect(content == [2, 3])
            if try store.list("rows/").contains("rows/0/b") { #expect(try store.open("rows/0/b").size == 5000) }
        }
    }

    @Test func namesAndRangesAreChecked() throws {
        let fs = SimulatedFileSystem(seed: 1)
        let store = try DirectoryStore(root: "/o", fileSystem: fs)
        for name in ["", "a//b", "../x", "a/../../x", "/a", "a/."] {
            #expect(throws: ObjectStoreError.badName(name)) { try store.create(name) }
        }
        try put("a/x", [1], store)
        try put("a/y", [2], store)
        try put("b/x", [3], store)
        #expect(try store.list("a/") == ["a/x", "a/y"])
        #expect(try store.list("") == ["a/x", "a/y", "b/x"])
        #expect(throws: ObjectStoreError.self) { try store.open("a/x").bytes(0..<2) }
        try store.delete("a/x")
        try store.delete("a/x")
        try store.delete("never/there")
        #expect(try store.list("a/") == ["a/y"])
        #expect(throws: FileError.self) { try store.open("a/x") }
    }

    @Test func anAbandonedWriterLeavesNothing() throws {
        let fs = SimulatedFileSystem(seed: 1)
        let store = try DirectoryStore(root: "/o", fileSystem: fs)
        do {
            let writer = try store.create("a")
            try [1, 2].withUnsafeBytes { try writer.append($0) }
        }
        #expect(try fs.list("/o") == [])
    }
}
