import BuildProtocol
import CoordinatorCore

/// Adds to the reason of a failed attempt what its log says.
struct FailureReport {
    private let logs: any LogStore
    private let builds: any BuildReader
    private let build: String
    private let attempt: AttemptToken

    init(_ ports: Ports, _ build: String, _ attempt: AttemptToken) {
        (logs, builds) = (ports.logs, ports.store)
        (self.build, self.attempt) = (build, attempt)
    }

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
        var lines = LogLines(after: try await earlierLines())
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

    /// Lines of the build's earlier attempts: numbers count over all of them.
    private func earlierLines() async throws -> Int {
        let attempts = try await builds.attempts(ofBuild: build).map(\.token)
        var count = 0
        for earlier in attempts.prefix(while: { $0 != attempt }) {
            var lines = LogLines(after: count)
            var cursor: Int64 = 0
            while true {
                let piece = try await logs.read(earlier, from: cursor, limit: Self.pieceBytes)
                if piece.isEmpty { break }
                cursor += Int64(piece.count)
                lines.skip(piece)
            }
            count = lines.number
        }
        return count
    }
}
