import Glibc
import Support

/// The log of an attempt beside its image.
enum PublishedLog {
    /// - Throws: `SystemError`
    static func copy(_ log: String, to path: String) throws(SystemError) {
        let temporary = "\(Files.folder(of: path))/.\(Files.name(of: path)).part"
        try write(log, to: temporary)
        try Files.rename(temporary, to: path)
    }

    private static func write(_ log: String, to path: String) throws(SystemError) {
        let source = try Descriptor(log, O_RDONLY)
        // Not for another web server's user: logs are for those who may use the API.
        let target = try Descriptor(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o640)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while case let count = try source.read(into: buffer), count > 0 {
            try target.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try target.sync()
    }
}
