import CLinux
import Glibc
public import Support

/// A pipe from a child, whose write end is passed to it, or to a child.
public struct Pipe: ~Copyable, Sendable {
    public let readEnd: Descriptor
    /// For `ChildProcess.Streams`; -1 once closed.
    public private(set) var writeDescriptor: Int32
    private var writeEnd: Descriptor?

    public enum Reader: Sendable {
        /// Does not block.
        case parent
        /// Waits for what it reads.
        case child
    }

    public init(readBy reader: Reader = .parent) throws(SystemError) {
        var read: Int32 = -1
        var write: Int32 = -1
        try checked(aib_pipe(&read, &write), "cannot make a pipe")
        if reader == .child { _ = fcntl(read, F_SETFL, 0) }
        aib_pipe_grow(read, Int32(Limits.pipeBytes))
        readEnd = Descriptor(owning: read)
        writeEnd = Descriptor(owning: write)
        writeDescriptor = write
    }

    /// Must be called once the child is started, otherwise the pipe never ends.
    public mutating func closeWriteEnd() {
        writeEnd = nil
        writeDescriptor = -1
    }

    /// Gives the write end to the caller: for a pipe to a child, or a child's lifeline.
    public mutating func takeWriteEnd() -> Descriptor {
        writeDescriptor = -1
        return writeEnd.take() ?? Descriptor(owning: -1)
    }

    public enum Piece: Sendable, Hashable {
        case bytes(Int)
        case nothingYet
        case end
    }

    /// Reads what is available now, without waiting.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Piece {
        do throws(SystemError) {
            let count = try readEnd.read(into: buffer)
            return count == 0 ? .end : .bytes(count)
        } catch {
            if error.isTryAgain { return .nothingYet }
            throw error
        }
    }

    /// What is available now of a short message; empty if that is nothing.
    public func read(upTo limitBytes: Int) throws(SystemError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limitBytes, alignment: 8)
        defer { buffer.deallocate() }
        guard case .bytes(let count) = try read(into: buffer) else { return [] }
        return Array(buffer[..<count])
    }
}
