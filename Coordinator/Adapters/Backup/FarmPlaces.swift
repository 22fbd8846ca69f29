public import SQLKit
import Support

/// Where a coordinator has what a backup holds.
public struct FarmPlaces: Sendable {
    /// A file that is secret.
    public struct Key: Sendable {
        /// In a backup.
        public var name: String
        public var path: String

        public init(_ name: String, _ path: String) {
            self.name = name
            self.path = path
        }
    }

    public var location: SQLLocation
    public var stateFolder: String
    /// Logs, archives of templates; of all coordinators that share a database.
    public var sharedFolder: String
    public var webRoot: String
    public var keys: [Key]
    /// Of this program.
    public var version: String

    /// The name of the key that encrypts passwords and secrets.
    public static let secretKey = "secret.key"

    public init(
        location: SQLLocation, stateFolder: String, sharedFolder: String, webRoot: String,
        keys: [Key], version: String
    ) {
        self.location = location
        self.stateFolder = stateFolder
        self.sharedFolder = sharedFolder
        self.webRoot = webRoot
        self.keys = keys
        self.version = version
    }

    /// Exists while a restore is under way, and after one that did not end: a coordinator must not
    /// start then.
    public var unfinishedMark: String { sharedFolder + "/restore-unfinished" }

    var logs: String { sharedFolder + "/logs" }
    var templates: String { sharedFolder + "/templates" }
    /// What is restored beside the database and the keys.
    static let trees = ["logs", "templates", "profiles.json"]

    var engine: BackupManifest.Engine {
        switch location {
        case .sqlite: .sqlite
        case .mariadb: .mariadb
        }
    }

    /// Whose disk is to be synced; a server does so itself.
    var databaseFolders: [String] {
        switch location {
        case .sqlite(let path): [Files.folder(of: path)]
        case .mariadb: []
        }
    }

    public func key(_ name: String) -> Key? { keys.first { $0.name == name } }
}
