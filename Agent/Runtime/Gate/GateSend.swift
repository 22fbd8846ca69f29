import AgentCore
import BuildProtocol
import FoundationEssentials
import Glibc
import Support

/// Sends bytes of an artifact: a JSON line with their number, then the bytes.
struct GateSend {
    let state: StateFolder

    private struct Head: Encodable { var sizeBytes: Int64 }

    func run(_ token: AttemptToken, _ name: String, _ offset: Int64, _ length: Int64) throws {
        let folder = state.attempt(token)
        guard Files.exists(folder.result) else {
            throw GateRefusal(
                code: .unknownAttempt, message: "this host has no finished attempt \(token)")
        }
        let result = try StateFile.read(
            Finished.self, folder.result, limitBytes: AgentLimits.stateFileBytes)
        guard let artifact = result.artifacts.first(where: { $0.name == name }) else {
            throw GateRefusal(
                code: .refused,
                message: "the attempt \(token) has no artifact \(Names.quoted(name))")
        }
        guard offset <= artifact.sizeBytes, length <= artifact.sizeBytes - offset else {
            throw GateRefusal(
                code: .refused,
                message: "\(length) bytes at \(offset) are out of range: "
                    + "\(Names.quoted(name)) has \(artifact.sizeBytes) bytes")
        }
        let file = try Descriptor("\(folder.artifacts)/\(name)", O_RDONLY | O_NOFOLLOW)
        guard try file.sizeBytes() == artifact.sizeBytes else {
            throw Failure("the size of \(name) has changed since it was built")
        }
        try GateProgram.out(StateFile.encode(Head(sizeBytes: length)))
        try send(file, offset, length)
    }

    private func send(
        _ file: borrowing Descriptor, _ offset: Int64, _ length: Int64
    ) throws(SystemError) {
        posix_fadvise(file.raw, Int(offset), Int(length), POSIX_FADV_SEQUENTIAL)
        let stdout = try Stdio.descriptor(1)
        stdout.growPipe(toBytes: AgentLimits.sendBytes)
        var sent: Int64 = 0
        while sent < length {
            let wanted = Int(min(Int64(AgentLimits.sendBytes), length - sent))
            var count = try file.splice(into: stdout, at: offset + sent, wanted)
            if count == nil { count = try copy(file, offset + sent, wanted, stdout) }
            guard let count, count > 0 else {
                throw SystemError(errno: EIO, "an artifact became shorter")
            }
            sent += Int64(count)
        }
    }

    /// For an sshd that connects its commands by sockets, to which splice does not work.
    private func copy(
        _ file: borrowing Descriptor, _ offset: Int64, _ count: Int,
        _ stdout: borrowing Descriptor
    ) throws(SystemError) -> Int {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: offset)
        try stdout.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return count
    }
}
