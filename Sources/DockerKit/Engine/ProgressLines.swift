import Synchronization
import TextKit

/// Parses the JSON lines of a pull. An engine answers 200 before it knows whether the pull
/// succeeds, so an error is a line like any other.
final class ProgressLines: Sendable {
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
                throw Failed(message: "a line of the response is too long")
            }
        }
        for line in lines { try parse(line) }
    }

    /// - Returns: the error in the last line, which may lack a newline.
    func finish() -> String? {
        let last = rest.withLock(\.self)
        do { try parse(last) } catch { return (error as? Failed)?.message ?? "\(error)" }
        return nil
    }

    private func parse(_ line: [UInt8]) throws {
        guard line.contains(where: { $0 > 0x20 }) else { return }
        guard let value = try? JSON(parsing: line) else {
            throw Failed(message: "the response is not JSON: it was cut, or this is not Docker")
        }
        if let message = value["errorDetail"]?["message"]?.text ?? value["error"]?.text {
            throw Failed(message: message)
        }
        onLine(value)
    }
}

/// Sums up the progress of a pull over its layers.
final class PullProgress: Sendable {
    private let layers = Mutex<[String: (done: Int64, total: Int64)]>([:])

    func take(_ line: JSON) -> (done: Int64, total: Int64)? {
        guard let id = line["id"]?.text, let status = line["status"]?.text else { return nil }
        return layers.withLock { layers -> (Int64, Int64)? in
            switch status {
            case "Downloading":
                guard case .int(let done)? = line["progressDetail"]?["current"],
                    case .int(let total)? = line["progressDetail"]?["total"]
                else { return nil }
                layers[id] = (done, total)
            case "Download complete":
                guard let total = layers[id]?.total else { return nil }
                layers[id] = (total, total)
            default: return nil
            }
            return layers.values.reduce((0, 0)) { ($0.0 + $1.done, $0.1 + $1.total) }
        }
    }
}
