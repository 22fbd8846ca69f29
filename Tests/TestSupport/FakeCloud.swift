import FoundationEssentials
import Support

/// A fake Keystone and Glance on loopback (`fake-cloud.py`), for what real ones cannot be made to
/// do. User `releaser`, password `correct`, project `images`.
public final class FakeCloud: Sendable {
    public struct Settings: Encodable, Sendable {
        /// Paths that lead elsewhere; `PORT` in the target is replaced.
        public var redirects: [String: String] = [:]
        /// Where Glance is.
        public var glancePath = "/image"
        /// What its versions link to, instead of that.
        public var linkPath: String?
        /// The catalog's services of type `image`, and the paths of their endpoints.
        public var imageServices = ["glance": "/image"]
        public var tokenSeconds = 3600
        /// Since Rocky there are `os_hidden` and `os_hash_value`.
        public var isRocky = true
        public var forbidsUpload = false
        public var imports: [String] = []
        /// What an import ends with.
        public var importFault: String?
        /// How long a stored image is not yet active.
        public var delaySeconds = 0.0
        /// What the size of such an image is said to be; `nil`: not known.
        public var unfinishedSize: Int?
        /// Whether the list of versions says where each is.
        public var linksVersions = true
        /// Whether a qcow2 becomes a raw image.
        public var converts = false
        /// Of a proxy in front.
        public var bodyLimit: Int?
        public var refusesExpect = false

        public init(_ change: (inout Settings) -> Void = { _ in }) { change(&self) }
    }

    public static let user = "releaser"
    public static let password = "correct"
    public static let project = "images"
    /// The server, without a path.
    public var url: String { server.url }
    private let server: FakeServer

    public static func start(
        _ change: (inout Settings) -> Void = { _ in }
    ) async throws -> FakeCloud {
        let settings = try JSONEncoder().encode(Settings(change))
        return FakeCloud(
            try await FakeServer.start("fake-cloud", [String(decoding: settings, as: UTF8.self)]))
    }

    private init(_ server: FakeServer) { self.server = server }

    /// `PUT /image/v2/images/…/file`, in order.
    public var requests: [String] {
        server.log.split(separator: "\n").filter { $0.hasPrefix("> ") }.map {
            String($0.dropFirst(2))
        }
    }
}
