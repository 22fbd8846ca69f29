import BuildProtocol
import CoordinatorCore

/// Takes the log of one attempt from its host to the log store.
struct LogIntake {
    enum Outcome {
        case stored(sizeBytes: Int64)
        /// The chunk begins beyond the end of what is stored.
        case gap(sizeBytes: Int64)
        /// The host sends what no working agent sends.
        case refused(Fault)
    }

    private let ports: Ports
    private let token: AttemptToken
    private let host: String
    private let allowedBytes: Int64

    init(_ build: Build, _ token: AttemptToken, host: String, _ ports: Ports) {
        self.ports = ports
        self.token = token
        self.host = host
        allowedBytes = build.limits.logBytes
    }

    /// - Throws: if the log store is full or broken.
    func store(_ chunk: LogChunk) async throws -> Outcome {
        let bytes = Array(chunk.data.utf8)
        // The agent enforces the limit itself. Anything beyond it comes from a faulty or hostile
        // one, and would fill the disk here.
        let limit = allowedBytes + ports.limits.logSlackBytes
        guard !chunk.$cursor.isOutOfRange, chunk.cursor <= limit - Int64(bytes.count) else {
            return .refused(
                Fault(
                    .infrastructure, .hostError,
                    "host \(host) sends more log than the \(allowedBytes) bytes that the build "
                        + "may have: check its agent"))
        }
        let size = try await ports.logs.append(token, at: chunk.cursor, bytes)
        return size < chunk.cursor + Int64(bytes.count)
            ? .gap(sizeBytes: size) : .stored(sizeBytes: size)
    }
}
