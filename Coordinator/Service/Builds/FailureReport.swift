import BuildProtocol
import CoordinatorCore

/// Adds to the reason of a failed attempt what its log says.
struct FailureReport {
    let logs: any LogStore
    let attempt: AttemptToken

    /// Read at a time. Between two pieces other work has its turn.
    private static let pieceBytes = 256 << 10
    /// The end of a log that is searched; the step that failed is there.
    private static let searchedBytes: Int64 = 8 << 20

    /// Faults whose reason the agent takes from what the program printed last.
    private static let codes: Set<FaultCode> = [.packerFailed, .commandFailed, .testFailed]

    func explained(_ end: AttemptEnd) async -> AttemptEnd {
        guard let fault = end.outcome.fault, Self.codes.contains(fault.code) else { return end }
        // A log that cannot be read leaves the reason as it is.
        let error = try? await firstError()
        var end = end
        end.outcome.fault?.reason = FailureReason.text(fault.reason, error)
        return end
    }

    private func firstError() async throws -> FirstError? {
        let size = try await logs.sizeBytes(attempt)
        var search = FirstErrorSearch()
        var lines = LogLines()
        var cursor: Int64 = 0
        while cursor < size {
            let piece = try await logs.read(attempt, from: cursor, limit: Self.pieceBytes)
            guard !piece.isEmpty else { break }
            cursor += Int64(piece.count)
            if size - cursor >= Self.searchedBytes {
                lines.skip(piece)
            } else {
                for line in lines.take(piece) { search.take(line) }
            }
        }
        if let line = lines.finish() { search.take(line) }
        return search.found
    }
}
