import FoundationEssentials
import Support

/// A real SMTP server (aiosmtpd) that keeps what it is sent.
public final class FakeMailServer: Sendable {
    public struct Mail: Decodable, Sendable {
        public var recipients, headers: [String]
        public var subject, date, id, text: String
        /// Bytes of its longest line.
        public var longestLine: Int
        public var login: String?
        public var isEncrypted: Bool
    }

    public enum TLS: String, Sendable {
        case none
        /// By STARTTLS, which it demands.
        case started
        /// From the beginning.
        case whole
    }

    private let folder: TemporaryFolder
    private let server: FakeServer
    public let url: String

    /// - Parameter login: user and password that it demands.
    public static func start(
        tls: TLS = .none, _ certificates: TestCertificates? = nil,
        login: (user: String, password: String)? = nil
    ) async throws -> FakeMailServer {
        let folder = try TemporaryFolder()
        let words = [tls.rawValue, certificates?.folder ?? "", login?.user ?? ""]
        let server = try await FakeServer.start(
            "fake-mail", [folder.path] + words + [login?.password ?? ""])
        let scheme = tls == .whole ? "smtps://" : "smtp://"
        return FakeMailServer(folder, server, server.url.replacing("http://", with: scheme))
    }

    private init(_ folder: TemporaryFolder, _ server: FakeServer, _ url: String) {
        self.folder = folder
        self.server = server
        self.url = url
    }

    public var log: String { server.log }

    public func mails() throws -> [Mail] {
        try Files.list(folder.path).filter { $0.hasSuffix(".json") }.sorted().map { name in
            let bytes = try Files.read("\(folder.path)/\(name)", limitBytes: 1 << 20)
            return try JSONDecoder().decode(Mail.self, from: Data(bytes))
        }
    }
}
