import Glibc
import ProcessKit
import SQLKit
import Support
import TextKit

/// Makes a backup while the coordinator runs.
public struct FarmBackup: Sendable {
    public enum Keys: Sendable {
        /// In `keys/` of the backup.
        case inside
        /// In a folder of the backup's name in this one.
        case elsewhere(String)
        case none
    }

    private let places: FarmPlaces
    private let parent: String
    private let keys: Keys
    private let keeps: Int?
    private let say: @Sendable (String) -> Void

    /// Of tries to copy database and key between two changes of the key.
    private static let keyTries = 5

    /// - Parameters:
    ///   - parent: where backups are.
    ///   - keeps: how many backups stay there; `nil`: all.
    ///   - say: is given sentences for the operator.
    public init(
        _ places: FarmPlaces, into parent: String, keys: Keys, keeps: Int?,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.places = places
        self.parent = parent
        self.keys = keys
        self.keeps = keeps
        self.say = say
    }

    /// - Returns: the folder of the backup.
    public func run() async throws -> String {
        try refuseOwnFolders()
        try Files.makeFolder(parent, mode: 0o700)
        guard let lock = try FileLock.tryTake(parent + "/.lock") else {
            throw Failure("another backup into \(parent) is under way")
        }
        let made = try await make()
        // Not earlier: another backup would remove what this one has.
        _ = consume lock
        return made
    }

    private func make() async throws -> String {
        try BackupFolders.removeParts(parent)
        var made = Clocks.unixMilliseconds()
        // The last one may be of this second.
        while Files.exists("\(parent)/\(BackupFolders.name(made))") { made += 1000 }
        let name = BackupFolders.name(made)
        let part = "\(parent)/\(name)\(BackupFolders.partEnding)"
        do {
            try Files.makeFolder(part, mode: 0o700)
            try await fill(part, name, made)
            try Files.rename(part, to: "\(parent)/\(name)")
        } catch {
            try? Files.remove(part)
            throw error
        }
        if let keeps { try removeOld(keeps) }
        return "\(parent)/\(name)"
    }

    private func fill(_ part: String, _ name: String, _ made: Int64) async throws {
        let needed = try await OwnThread.run { try neededBytes() }
        try checkRoom(needed)
        do {
            var harvest = try await OwnThread.run { [places] in
                var harvest = FileHarvest(from: places.sharedFolder, to: part)
                try harvest.begin()
                return harvest
            }
            let (facts, secrets) = try await databaseAndKeys(part)
            harvest = try await OwnThread.run { [harvest] in
                var harvest = harvest
                try harvest.end()
                return harvest
            }
            let count = harvest.files.count
            say(
                "Logs and templates: \(count) file\(count == 1 ? "" : "s"), "
                    + ByteSize.text(harvest.sizeBytes))
            let file = Self.databaseName(places.engine)
            let database = try await OwnThread.run {
                try BackupFile.read("\(part)/\(file)", as: file)
            }
            let manifest = BackupManifest(
                version: places.version, schema: facts.schema, engine: places.engine,
                madeMilliseconds: made, made: UTCTime(unixMilliseconds: made).rfc3339,
                keyPrefixes: facts.keyPrefixes.sorted(), files: [database] + harvest.files,
                keys: try writeKeys(secrets, part, name))
            try manifest.write(to: part)
            try await BackupFile.sync(part)
        } catch {
            let isFull =
                (error as? SystemError)?.isDiskFull ?? ((error as? SQLError)?.code == .diskFull)
            guard isFull || ((try? Files.room(parent))?.free ?? .max) < 1 << 20 else { throw error }
            throw Failure(
                "The disk of \(parent) is full: \(error). The backup needs "
                    + "\(ByteSize.text(needed)): make room, then run it again")
        }
    }

    /// The key of the moment in which the database was copied: `aibuild secret rotate-key` may be
    /// under way.
    private func databaseAndKeys(
        _ part: String
    ) async throws -> (DatabaseFacts, [(FarmPlaces.Key, [UInt8])]) {
        for _ in 0..<Self.keyTries {
            let before = try secrets()
            try await copyDatabase(to: "\(part)/\(Self.databaseName(places.engine))")
            let facts = try await DatabaseFacts.read(places.location)
            let after = try secrets()
            if before.map(\.1) == after.map(\.1) { return (facts, after) }
            say("The secret key has changed meanwhile: copying the database again")
        }
        throw Failure("the secret key changes all the time: try again later")
    }

    private func copyDatabase(to target: String) async throws {
        switch places.location {
        case .sqlite(let path):
            guard Files.exists(path) else {
                throw Failure("There is no database yet: \(path). The coordinator creates it")
            }
            try Files.remove(target)
            // Its copy is of the same mode.
            _ = try Descriptor(target, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            try await OwnThread.run { try SQLiteSnapshot.copy(path, to: target) }
        case .mariadb(let server):
            try await MariaDBPrograms.dump(server, to: target)
            chmod(target, 0o600)
        }
        say("Database: \(ByteSize.text(Files.sizeBytes(target) ?? 0))")
    }

    static func databaseName(_ engine: BackupManifest.Engine) -> String {
        engine == .sqlite ? "database.sqlite" : "database.sql"
    }

    // MARK: Keys

    private static let keyBytes = 1 << 20

    private func secrets() throws -> [(FarmPlaces.Key, [UInt8])] {
        if case .none = keys { return [] }
        return try places.keys.compactMap { key in
            guard Files.exists(key.path) else { return nil }
            return (key, try Files.read(key.path, limitBytes: Self.keyBytes))
        }
    }

    private func writeKeys(
        _ secrets: [(FarmPlaces.Key, [UInt8])], _ part: String, _ name: String
    ) throws -> [BackupManifest.File]? {
        let folder: String
        switch keys {
        case .none:
            say("Keys: none; keep copies of them elsewhere")
            return nil
        case .inside: folder = part + "/" + BackupFolders.keys
        case .elsewhere(let parent): folder = "\(parent)/\(name)\(BackupFolders.partEnding)"
        }
        try Files.remove(folder)
        for (key, bytes) in secrets {
            let path = "\(folder)/\(key.name)"
            try Files.makeFolder(Files.folder(of: path), mode: 0o700)
            try Files.replace(path, with: bytes, mode: 0o600)
        }
        if case .elsewhere(let parent) = keys {
            try Files.makeFolder(folder, mode: 0o700)
            try Files.rename(folder, to: "\(parent)/\(name)")
        }
        say("Keys: " + secrets.map(\.0.name).joined(separator: ", "))
        return secrets.map { key, bytes in
            BackupManifest.File(
                path: key.name, sizeBytes: Int64(bytes.count), sha256: SHA256.hex(bytes))
        }
    }

    // MARK: Room

    private func refuseOwnFolders() throws {
        var targets = [parent]
        if case .elsewhere(let folder) = keys { targets.append(folder) }
        for target in targets {
            for own in [places.stateFolder, places.sharedFolder, places.webRoot + "/images"]
            where (Self.real(target) + "/").hasPrefix(Self.real(own) + "/") {
                throw Failure(
                    "\(target) is inside \(own), which would be lost together with it: choose a "
                        + "folder on another disk")
            }
        }
    }

    /// The path with the links of what exists of it followed.
    private static func real(_ path: String) -> String {
        if let real = Links.resolved(path) { return real }
        let parent = Files.folder(of: path)
        return parent == path ? path : real(parent) + "/" + Files.name(of: path)
    }

    private func neededBytes() throws -> Int64 {
        var needed = try FileHarvest.sizeBytes(of: places.sharedFolder)
        if case .sqlite(let path) = places.location {
            for ending in ["", "-wal"] { needed += Files.sizeBytes(path + ending) ?? 0 }
        }
        return needed
    }

    private func checkRoom(_ needed: Int64) throws {
        let free = try Files.room(parent).free
        guard free < needed else { return }
        throw Failure(
            "The backup needs \(ByteSize.text(needed)), and \(parent) has \(ByteSize.text(free)) "
                + "free: make room, or choose another folder")
    }

    private func removeOld(_ keeps: Int) throws {
        for name in try BackupFolders.whole(parent).dropLast(keeps) {
            try Files.remove("\(parent)/\(name)")
            if case .elsewhere(let folder) = keys { try Files.remove("\(folder)/\(name)") }
            say("Removed the older backup \(name)")
        }
    }
}

/// The names of backups: the time, such as `2026-11-30T152501Z`. One that is being made ends in
/// `.part`.
enum BackupFolders {
    static let partEnding = ".part"
    static let keys = "keys"

    static func name(_ unixMilliseconds: Int64) -> String {
        UTCTime(unixMilliseconds: unixMilliseconds).rfc3339.filter { $0 != ":" }
    }

    private static func isName(_ name: some StringProtocol) -> Bool {
        let pattern = "dddd-dd-ddTddddddZ"
        return name.utf8.count == pattern.utf8.count
            && zip(name.utf8, pattern.utf8).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "d") ? (48...57).contains(byte) : byte == wanted
            }
    }

    /// What a backup left that was interrupted. Nobody makes one now.
    static func removeParts(_ parent: String) throws {
        for name in try Files.list(parent)
        where name.hasSuffix(partEnding) && isName(name.dropLast(partEnding.count)) {
            try Files.remove("\(parent)/\(name)")
        }
    }

    /// Oldest first.
    static func whole(_ parent: String) throws -> [String] {
        try Files.list(parent).filter {
            isName($0) && Files.exists("\(parent)/\($0)/\(BackupManifest.digestName)")
        }
    }
}
