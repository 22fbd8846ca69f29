import AgentCore
import Glibc
import Support

/// Hashes a file in pieces, with a checkpoint in between for cancel requests.
enum FileDigest {
    static func compute(_ path: String, checkpoint: () throws -> Void) throws -> String {
        let file = try Descriptor(path, O_RDONLY)
        var hasher = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            try checkpoint()
            let count = try file.read(into: buffer)
            if count == 0 { return hasher.finish() }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
