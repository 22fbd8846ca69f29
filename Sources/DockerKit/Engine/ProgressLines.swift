import Support
import Synchronization

/// Takes the JSON lines of a pull apart. An engine answers 200 before it knows whether it will go
/// well, so an error is a line like any other: each one is looked at.
final class ProgressLines: Sendable {
    /// What a line said that was an error.
    struct Failed: Error {
        var message: String
    }

    private let rest = Mutex<[UInt8]>([])
    private let onLine: @Sendable (JSON) -> Void

    init(_ onLine: @escaping @Sendable (JSON) -> Void) { self.onLine = onLine }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        var lines: [[UInt8]] = []
        try rest.withLock { rest in
            rest.append(contentsOf: bytes)
            while let end = rest.firstIndex(of: 0x0A) {
                lines.append(Array(rest[..<end]))
                rest.removeFirst(end + 1)
            }
            guard rest.count <= DockerLimits.progressLineBytes else {
                throw Failed(message: "a line of its answer has no end")
            }
        }
        for line in lines { try parse(line) }
    }

    /// - Returns: the error that the last line held, which may have no end of line.
    func finish() -> String? {
        let last = rest.withLock(\.self)
        do { try parse(last) } catch { return (error as? Failed)?.message ?? "\(error)" }
        return nil
    }

    private func parse(_ line: [UInt8]) throws {
        guard line.contains(where: { $0 > 0x20 }) else { return }
        guard let value = try? JSON(parsing: line) else {
            throw Failed(message: "its answer is no JSON: the answer was cut, or no Docker answers")
        }
        if let message = value["errorDetail"]?["message"]?.text ?? value["error"]?.text {
            throw Failed(message: message)
        }
        onLine(value)
    }
}
