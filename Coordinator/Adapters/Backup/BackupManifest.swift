import BuildProtocol
import FoundationEssentials
import Support

/// `manifest.json` of a backup: what it has, and the digest of each file. Beside it, as
/// `manifest.json.sha256`, is its own digest, in the format of `sha256sum`.
struct BackupManifest: Codable, Sendable {
    struct File: Codable, Sendable, Hashable {
        /// In the backup, or in the folder of the keys.
        var path: String
        var sizeBytes: Int64
        var sha256: String
    }

    enum Engine: String, Codable, Sendable { case sqlite, mariadb }

    static let newestFormat = 1
    var format = newestFormat
    /// Of the program that made it.
    var version: String
    /// The last migration of the database.
    var schema: Int
    var engine: Engine
    var madeMilliseconds: Int64
    /// The same for people.
    var made: String
    /// How what each key has sealed in the database begins.
    var keyPrefixes: [String]
    var files: [File]
    /// `nil`: made without keys.
    var keys: [File]?

    static let name = "manifest.json"
    static let digestName = "manifest.json.sha256"
    /// A million files.
    private static let limitBytes = 256 << 20

    func write(to folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes = Array(try encoder.encode(self))
        try Files.replace("\(folder)/\(Self.name)", with: bytes, mode: 0o600)
        let line = "\(SHA256.hex(bytes))  \(Self.name)\n"
        try Files.replace("\(folder)/\(Self.digestName)", with: Array(line.utf8), mode: 0o600)
    }

    static func read(_ folder: String) throws -> BackupManifest {
        let path = "\(folder)/\(name)"
        guard Files.exists(path), Files.exists("\(folder)/\(digestName)") else {
            throw Failure("\(folder) is not a whole backup: it has no \(name) with its digest")
        }
        let bytes = try Files.read(path, limitBytes: limitBytes)
        let line = try Files.read("\(folder)/\(digestName)", limitBytes: 4096)
        guard String(decoding: line.prefix(64), as: UTF8.self) == SHA256.hex(bytes) else {
            throw Failure("\(path) is damaged: its digest differs. Take another backup")
        }
        struct Format: Decodable { var format: Int }
        let decoder = JSONDecoder()
        let data = Data(bytes)
        guard try decoder.decode(Format.self, from: data).format <= newestFormat else {
            throw Failure("\(folder) was made by a newer aibuild: upgrade this one")
        }
        let manifest = try decoder.decode(BackupManifest.self, from: data)
        for file in manifest.files + (manifest.keys ?? []) where !isPlain(file.path) {
            throw Failure("\(path) names \(Names.quoted(file.path)), which is no file in it")
        }
        return manifest
    }

    /// Whether a path stays in its folder.
    private static func isPlain(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return !path.utf8.contains(0) && parts.allSatisfy { !["", ".", ".."].contains($0) }
    }
}
