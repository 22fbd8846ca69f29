import FoundationEssentials
import Support

/// Takes traces as OpenTelemetry's own schema reads them.
public final class OTLPReceiver: Sendable {
    public struct Span: Decodable, Sendable {
        public var service, trace, span, parent, name, message: String
        public var kind, status: Int
        public var nanoseconds: Int64
        public var links: [String]
        public var attributes: [String: String]
    }

    public var url: String { server.url }
    private let server: FakeServer
    private let folder: TemporaryFolder

    public static func start() async throws -> OTLPReceiver {
        let folder = try TemporaryFolder()
        let server = try await FakeServer.start(
            "otlp-receiver", [folder.path],
            environment: ["PYTHONPATH": try await Python.telemetry.value])
        return OTLPReceiver(server, folder)
    }

    private init(_ server: FakeServer, _ folder: TemporaryFolder) {
        self.server = server
        self.folder = folder
    }

    public var log: String { server.log }

    /// Whether it refuses everything for now.
    public func setAway(_ isAway: Bool) throws {
        let path = folder.path + "/away"
        if isAway { try Files.replace(path, with: []) } else { try Files.remove(path) }
    }

    public func spans() throws -> [Span] {
        let path = folder.path + "/spans"
        guard Files.exists(path) else { return [] }
        return try Files.read(path, limitBytes: 16 << 20).split(separator: 0x0A).map {
            try JSONDecoder().decode(Span.self, from: Data($0))
        }
    }
}
