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
    private let user: FarmUser

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
        user = FarmUser(ownerOf: places.stateFolder)
    }

    /// - Returns: the folder of the backup.
    public func run() async throws -> String {
        try BackupFolders.refuse(parent, keysParent, of: places)
        try Files.makeFolder(parent, mode: 0o700)
        // Theirs is made as they, so that the next one, which they make, can replace it.
        if user.owns(parent) { try user.become() }
        guard let lock = try FileLock.tryTake(parent + "/.lock") else {
            throw Failure("another backup into \(parent) is under way")
        }
        let made = try await makeWithKeys()
        // Not earlier: another backup would remove what this one has.
        _ = consume lock
        return made
    }

    /// Backups of other farms may have their keys in the same folder.
    private func makeWithKeys() async throws -> String {
        guard let keysParent else { return try await make() }
        let lock = try user.act(at: keysParent) { () throws(SystemError) -> FileLock? in
            try Files.makeFolder(keysParent, mode: 0o700)
            return try FileLock.tryTake(keysParent + "/.lock")
        }
        guard let lock else {
            throw Failure("another backup with keys in \(keysParent) is under way")
        }
        let made = try await make()
        _ = consume lock
        return made
    }

    // Apart from what does not wait: the optimizer of Swift 6.3 crashes on all of it in one.
    private func make() async throws -> String {
        let (name, made) = try newName()
        let part = "\(parent)/\(name)\(BackupFolders.partEnding)"
        do {
            try Files.makeFolder(part, mode: 0o700)
            try await fill(part, name, made)
            try publish(part, name)
        } catch {
            discard(part, name)
            throw error
        }
        BackupMark(places).write(as: user, say: say)
        if let keeps { removeOld(keeps, name) }
        return "\(parent)/\(name)"
    }

    @inline(never)
    private func newName() throws -> (name: String, madeMilliseconds: Int64) {
        try BackupFolders.removeParts(parent)
        if let keysParent {
            try atKeys { () throws(SystemError) in try BackupFolders.removeParts(keysParent) }
        }
        var made = Clocks.unixMilliseconds()
        // The last one may be of this second.
        while [parent, keysParent ?? parent].contains(where: {
            Files.exists("\($0)/\(BackupFolders.name(made))")
        }) { made += 1000 }
        return (BackupFolders.name(made), made)
    }

    @inline(never)
    private func publish(_ part: String, _ name: String) throws {
        // A backup with this name has its keys.
        try atKeys { () throws(SystemError) in
            if let keysParent {
                try Files.rename(keysFolder(part, name), to: "\(keysParent)/\(name)")
            }
        }
        try Files.rename(part, to: "\(parent)/\(name)")
    }

    @inline(never)
    private func discard(_ part: String, _ name: String) {
        try? Files.remove(part)
        try? atKeys { () throws(SystemError) in
            try Files.remove(keysFolder(part, name))
            if let keysParent { try Files.remove("\(keysParent)/\(name)") }
        }
    }

    private func fill(_ part: String, _ name: String, _ made: Int64) async throws {
        let needed = try await OwnThread.run { try neededBytes() }
        try checkRoom(needed)
        do {
            var harvest = try await OwnThread.run { [places, user] in
                var harvest = FileHarvest(from: places.sharedFolder, to: part, user: user)
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
            if let keysParent { try await BackupFile.sync(keysParent) }
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
            let facts = try await copyDatabase(
                to: "\(part)/\(Self.databaseName(places.engine))")
            let after = try secrets()
            if before.map(\.1) == after.map(\.1) { return (facts, after) }
            say("The secret key has changed meanwhile: copying the database again")
        }
        throw Failure("the secret key changes all the time: try again later")
    }

    /// - Returns: what the copy has; of MariaDB's, at least.
    private func copyDatabase(to target: String) async throws -> DatabaseFacts {
        let facts: DatabaseFacts
        switch places.location {
        case .sqlite(let path):
            guard Files.exists(path) else {
                throw Failure("There is no database yet: \(path). The coordinator creates it")
            }
            try Files.remove(target)
            // Its copy is of the same mode.
            _ = try Descriptor(target, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            try await OwnThread.run { try SQLiteSnapshot.copy(path, to: target) }
            facts = try await DatabaseFacts.read(.sqlite(path: target))
        case .mariadb(let server):
            let before = try await DatabaseFacts.read(places.location)
            try await MariaDBPrograms.dump(server, to: target, user: user)
            facts = try await DatabaseFacts.read(places.location).united(with: before)
        }
        say("Database: \(ByteSize.text(Files.sizeBytes(target) ?? 0))")
        return facts
    }

    static func databaseName(_ engine: BackupManifest.Engine) -> String {
        engine == .sqlite ? "database.sqlite" : "database.sql"
    }

    // MARK: Keys

    private static let keyBytes = 1 << 20

    /// Where the keys of backups are, if they are apart.
    private var keysParent: String? {
        if case .elsewhere(let folder) = keys { folder } else { nil }
    }

    /// Of the backup that is being made.
    private func keysFolder(_ part: String, _ name: String) -> String {
        keysParent.map { "\($0)/\(name)\(BackupFolders.partEnding)" }
            ?? "\(part)/\(BackupFolders.keys)"
    }

    private func atKeys(_ body: () throws(SystemError) -> Void) throws(SystemError) {
        try user.act(at: keysParent ?? parent, body)
    }

    private func secrets() throws -> [(FarmPlaces.Key, [UInt8])] {
        if case .none = keys { return [] }
        return try places.keys.compactMap { key in
            let bytes = try user.act(at: key.path) { () throws(SystemError) -> [UInt8]? in
                Files.exists(key.path)
                    ? try Files.read(key.path, limitBytes: Self.keyBytes) : nil
            }
            return bytes.map { (key, $0) }
        }
    }

    private func writeKeys(
        _ secrets: [(FarmPlaces.Key, [UInt8])], _ part: String, _ name: String
    ) throws -> [BackupManifest.File]? {
        if case .none = keys {
            say("Keys: none; keep copies of them elsewhere")
            return nil
        }
        let folder = keysFolder(part, name)
        let write = { () throws(SystemError) in
            try Files.makeFolder(folder, mode: 0o700)
            for (key, bytes) in secrets {
                let path = "\(folder)/\(key.name)"
                try Files.makeFolder(Files.folder(of: path), mode: 0o700)
                try Files.replace(path, with: bytes, mode: 0o600)
            }
        }
        if keysParent == nil { try write() } else { try atKeys(write) }
        say("Keys: " + secrets.map(\.0.name).joined(separator: ", "))
        return secrets.map { key, bytes in
            BackupManifest.File(
                path: key.name, sizeBytes: Int64(bytes.count), sha256: SHA256.hex(bytes))
        }
    }

    // MARK: Room

    private func neededBytes() throws -> Int64 {
        var needed = try FileHarvest.sizeBytes(of: places.sharedFolder, user: user)
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

    /// The new backup is whole, whether or not this can be done.
    private func removeOld(_ keeps: Int, _ newest: String) {
        do {
            for name in try BackupFolders.old(parent, keeping: keeps, until: newest) {
                try Files.remove("\(parent)/\(name)")
                try atKeys { () throws(SystemError) in
                    if let keysParent { try Files.remove("\(keysParent)/\(name)") }
                }
                say("Removed the older backup \(name)")
            }
        } catch { say("Warning: older backups stay: \(error)") }
    }
}
