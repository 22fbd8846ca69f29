import CLinux
import Glibc

/// A file in memory, for programs that take a secret only as a file. Its name leads to it while
/// this is open, for processes of the same user; it is on no disk and in no argument.
public struct MemoryFile: ~Copyable, Sendable {
    private let descriptor: Descriptor

    public init(_ bytes: [UInt8]) throws(SystemError) { descriptor = try Self.file(bytes) }

    private static func file(_ bytes: [UInt8]) throws(SystemError) -> Descriptor {
        let file = Descriptor(
            owning: try checked(aib_memory_file(), "cannot make a file in memory"))
        // ssh refuses keys that others may read.
        guard fchmod(file.raw, 0o600) == 0 else {
            throw .last("cannot set the mode of a file in memory")
        }
        try file.writeAll(bytes)
        return file
    }

    public var path: String { "/proc/\(getpid())/fd/\(descriptor.raw)" }
}
