import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Receives a template archive from stdin. It is stored under its digest, complete and durable, or
/// not at all.
struct GateReceive {
    let state: StateFolder

    private struct Answer: Encodable { var ok = true }

    func run(_ sha256: String, _ size: Int64) throws {
        try Files.makeFolder(state.templates, mode: 0o700)
        let path = state.template(sha256)
        let temporary = "\(path).tmp\(getpid())"
        do {
            try receive(temporary, sha256, size)
            try Files.rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
        try GateProgram.out(StateFile.encode(Answer()))
    }

    private func receive(_ path: String, _ sha256: String, _ size: Int64) throws {
        let file = try Descriptor(path, O_WRONLY | O_CREAT | O_EXCL)
        let stdin = try Stdio.descriptor(0)
        var hasher = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: AgentLimits.sendBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var received: Int64 = 0
        while received < size {
            let wanted = Int(min(Int64(buffer.count), size - received))
            let count = try stdin.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
            if count == 0 {
                throw Failure("the archive ends after \(received) of \(size) bytes")
            }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hasher.update(piece)
            try file.writeAll(piece)
            received += Int64(count)
        }
        let digest = hasher.finish()
        guard digest == sha256 else {
            throw GateRefusal(
                code: .refused, message: "the archive's SHA-256 is \(digest), not \(sha256)")
        }
        try file.sync()
    }
}
