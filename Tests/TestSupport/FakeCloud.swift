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
        /// Whether a qcow2 becomes a raw image.
        public var converts = false
        /// Of a proxy in front.
        public var bodyLimit: Int?
        public var refusesExpect = false

        public init(_ change: (inout Settings) -> Void = { _ in }) { change(&self) }

        private enum CodingKeys: String, CodingKey {
            case redirects, glancePath, linkPath, imageServices, tokenSeconds, isRocky
            case forbidsUpload, imports, importFault, delaySeconds, converts, bodyLimit
            case refusesExpect
        }

        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(redirects, forKey: .redirects)
            try values.encode(glancePath, forKey: .glancePath)
            // The script wants `null` for what is not set.
            try values.encode(linkPath, forKey: .linkPath)
            try values.encode(imageServices, forKey: .imageServices)
            try values.encode(tokenSeconds, forKey: .tokenSeconds)
            try values.encode(isRocky, forKey: .isRocky)
            try values.encode(forbidsUpload, forKey: .forbidsUpload)
            try values.encode(imports, forKey: .imports)
            try values.encode(importFault, forKey: .importFault)
            try values.encode(delaySeconds, forKey: .delaySeconds)
            try values.encode(converts, forKey: .converts)
            try values.encode(bodyLimit, forKey: .bodyLimit)
            try values.encode(refusesExpect, forKey: .refusesExpect)
        }
    }

    public static let user = "releaser"
    public static let password = "correct"
    public static let project = "images"
    /// The server, without a path.
    public let url: String
    private let folder: TemporaryFolder
    private let program: FarmProgram

    public static func start(
        _ change: (inout Settings) -> Void = { _ in }
    ) async throws -> FakeCloud {
        let folder = try TemporaryFolder()
        let script = Files.folder(of: #filePath) + "/fake-cloud.py"
        let port = folder.path + "/port"
        let settings = try JSONEncoder().encode(Settings(change))
        let program = try FarmProgram(
            "fake-cloud", [script, port, String(decoding: settings, as: UTF8.self)],
            logPath: folder.path + "/log", path: "/usr/bin/python3")
        let text = try await eventually("the cloud serves: \(program.log)") {
            (try? Files.read(port, limitBytes: 10)).map { String(decoding: $0, as: UTF8.self) }
        }
        return FakeCloud("http://127.0.0.1:\(text)", folder, program)
    }

    private init(_ url: String, _ folder: TemporaryFolder, _ program: FarmProgram) {
        self.url = url
        self.folder = folder
        self.program = program
    }

    /// `PUT /image/v2/images/…/file`, in order.
    public var requests: [String] {
        program.log.split(separator: "\n").filter { $0.hasPrefix("> ") }.map {
            String($0.dropFirst(2))
        }
    }
}
