import BuildProtocol
import ProcessKit
import SQLKit
import Support
import TextKit

/// Restores a backup while no coordinator runs.
///
/// Everything is verified and prepared beside its place first. A mark is there from the first
/// change on until all is in place; a coordinator does not start while it exists, and running the
/// restore again repeats it.
public struct FarmRestore: Sendable {
    public enum Keys: Sendable, Equatable {
        /// In the backup.
        case inside
        case elsewhere(String)
        /// Nowhere: the rest is restored, and what they have sealed is lost.
        case lost
    }

    private let source: RestoreSource
    private let places: FarmPlaces
    private let keys: Keys
    private let replaces: Bool
    private let say: @Sendable (String) -> Void
    private let user: FarmUser
    /// What is moved aside has it in its name.
    private let stamp: String

    /// - Parameters:
    ///   - folder: the backup.
    ///   - keys: where the keys of the backup are.
    ///   - replaces: move what is there aside.
    /// - Throws: `Failure` if this is no whole backup, or not one for these places.
    public init(
        _ folder: String, keys: Keys, to places: FarmPlaces, replaces: Bool,
        say: @escaping @Sendable (String) -> Void
    ) throws {
        user = FarmUser(ownerOf: places.stateFolder)
        source = try RestoreSource(folder, keys: keys, for: places, user: user)
        self.places = places
        self.keys = keys
        self.replaces = replaces
        self.say = say
        stamp = Self.freeStamp(places)
    }

    /// A restore that was killed may have moved something aside in this second.
    private static func freeStamp(_ places: FarmPlaces) -> String {
        var paths = [places.sharedFolder + "/replaced-"]
        if case .sqlite(let path) = places.location { paths.append(path + ".replaced-") }
        var now = Clocks.unixMilliseconds()
        while paths.contains(where: { Files.exists($0 + BackupFolders.name(now)) }) { now += 1000 }
        return BackupFolders.name(now)
    }

    private var staging: String { places.sharedFolder + "/.restore.part" }
    private var aside: String { "\(places.sharedFolder)/replaced-\(stamp)" }

    public func run() async throws {
        say("Verifying \(source.folder), made at \(source.manifest.made)")
        try await OwnThread.run { [source] in try source.verify() }
        let keys = try RestoredKeys(source, places, isLost: keys == .lost, user)
        try Files.makeFolder(places.stateFolder, mode: 0o750)
        // What is in their folders is theirs, and theirs to change at any moment.
        try user.become()
        try Files.makeFolder(places.sharedFolder, mode: 0o750)
        guard let lock = try FileLock.tryTake(places.stateFolder + "/lock") else {
            throw Self.isRunning("a coordinator uses the state folder \(places.stateFolder)")
        }
        try await restore(keys)
        // Not earlier: a coordinator would start.
        _ = consume lock
    }

    private func restore(_ keys: RestoredKeys) async throws {
        let isRepeated = Files.exists(places.unfinishedMark)
        let old = RestoreTarget(places)
        try old.refuseLinks()
        let oldEpoch = try await old.epochOfStopped()
        if !isRepeated, !replaces, let found = try await old.content() {
            throw Failure(
                "There is \(found) already. To move it aside and restore the backup, run this "
                    + "again with --replace")
        }
        let epoch = max(oldEpoch, try RestoredDatabase.epoch(ofWebRoot: places.webRoot))
        var lost: [LostSecret]
        do { lost = try await prepare(keys, epoch) } catch {
            // Nothing has been touched so far, and what is there may fill the disk.
            try? Files.remove(staging)
            if case .sqlite(let path) = places.location { try? RestoreTarget.removeStaged(path) }
            throw error
        }
        try Files.replace(places.unfinishedMark, with: Array("\(source.folder)\n".utf8))
        try moveAside()
        switch places.location {
        case .sqlite(let path):
            for ending in ["-wal", "-shm"] { try Files.remove(path + ending) }
            try Files.rename(path + RestoreTarget.staged, to: path)
        case .mariadb(let server):
            // Of an interrupted restore too: it may have ended before anything was kept.
            try await old.empty(keeping: "\(aside)/database.sql", user: user)
            say("Loading the database")
            try await MariaDBPrograms.load(try source.open(), into: server, user: user)
            lost = try await settle(places.location, keys, epoch)
        }
        try placeFiles(keys)
        // They may be on different disks.
        for folder in [places.sharedFolder, places.stateFolder] + places.databaseFolders {
            try await BackupFile.sync(folder)
        }
        try Files.remove(places.unfinishedMark)
        try Files.syncFolder(places.sharedFolder)
        tell(lost)
    }

    private func tell(_ lost: [LostSecret]) {
        guard !lost.isEmpty else { return }
        say(
            "The secret key of \(lost.count) values is lost. Builds and releases that need one "
                + "are refused until it is set anew, once the coordinator runs:")
        for secret in lost { say("- \(secret.title): \(secret.remedy)") }
    }

    static func isRunning(_ why: String) -> Failure {
        Failure("\(why): stop every coordinator of this farm first")
    }

    private func settle(
        _ location: SQLLocation, _ keys: RestoredKeys, _ epoch: Int64
    ) async throws -> [LostSecret] {
        try await RestoredDatabase.settle(
            location, keys: keys.sealing, isKeyLost: self.keys == .lost, above: epoch,
            webRoot: places.webRoot)
    }

    // MARK: Files

    /// Everything beside its place, and a SQLite file ready to lead with.
    private func prepare(_ keys: RestoredKeys, _ epoch: Int64) async throws -> [LostSecret] {
        let needed = source.manifest.files.map(\.sizeBytes).clampedSum()
        let free = try Files.room(places.sharedFolder).free
        guard free > needed else {
            throw Failure(
                "The backup needs \(ByteSize.text(needed)), and \(places.sharedFolder) has "
                    + "\(ByteSize.text(free)) free: make room, then run it again")
        }
        for folder in [places.stateFolder, places.sharedFolder] {
            try RestoreTarget.sweep(folder)
        }
        try await stage()
        guard case .sqlite(let path) = places.location else { return [] }
        let lost = try await settle(.sqlite(path: path + RestoreTarget.staged), keys, epoch)
        try RestoreTarget.removeLock(of: path + RestoreTarget.staged)
        return lost
    }

    /// Copies the files to their file systems, and compares them once more.
    private func stage() async throws {
        say("Copying \(source.files.count) files of logs and templates")
        try await OwnThread.run { [source, staging, places] in
            try Files.remove(staging)
            try Files.makeFolder(staging, mode: 0o750)
            for file in source.files {
                try source.copy(file, to: "\(staging)/\(file.path)")
            }
            for file in source.keys {
                try source.copy(
                    file, in: source.keysFolder, to: "\(staging)/keys/\(file.path)", mode: 0o600)
            }
            guard case .sqlite(let path) = places.location,
                let file = source.manifest.files.first(where: { $0.path == "database.sqlite" })
            else { return }
            try Files.makeFolder(Files.folder(of: path), mode: 0o750)
            try RestoreTarget.removeStaged(path)
            try source.copy(file, to: path + RestoreTarget.staged, mode: 0o600)
        }
    }

    /// Renames what is there. What an interrupted restore has put there is not kept.
    private func moveAside() throws {
        for name in FarmPlaces.trees {
            try moveAside("\(places.sharedFolder)/\(name)", to: "\(aside)/\(name)")
        }
        guard case .sqlite(let path) = places.location, Files.exists(path) else { return }
        // A log that was not written back belongs to it.
        let target = "\(path).replaced-\(stamp)"
        for ending in ["-wal", ""] where Files.exists(path + ending) {
            try Files.rename(path + ending, to: target + ending)
        }
        say("The database that was there is \(target) now")
    }

    private func moveAside(_ path: String, to target: String) throws {
        guard Files.exists(path) else { return }
        try Files.makeFolder(Files.folder(of: target), mode: 0o750)
        try Files.rename(path, to: target)
        say("\(path) is \(target) now")
    }

    private func placeFiles(_ keys: RestoredKeys) throws {
        for name in FarmPlaces.trees where Files.exists("\(staging)/\(name)") {
            try Files.rename("\(staging)/\(name)", to: "\(places.sharedFolder)/\(name)")
        }
        for file in source.keys {
            guard let key = places.key(file.path) else {
                say("The key \(file.path) is not used by this configuration, and is not restored")
                continue
            }
            let bytes = try Files.read("\(staging)/keys/\(file.path)", limitBytes: 1 << 20)
            let path = key.path
            let old = try user.act(at: path) { () throws(SystemError) in
                Files.exists(path) ? try Files.read(path, limitBytes: 1 << 20) : nil
            }
            if old == bytes { continue }
            if let old {
                let target = "\(aside)/keys/\(file.path)"
                try Files.makeFolder(Files.folder(of: target), mode: 0o750)
                try Files.replace(target, with: old, mode: 0o600)
                say("The key that was \(path) is \(target) now")
            }
            try place(bytes, at: path)
        }
        if let (path, bytes) = keys.new {
            try place(bytes, at: path)
            say("Made a new secret key: \(path)")
        }
        try Files.remove(staging)
    }

    private func place(_ key: [UInt8], at path: String) throws {
        try user.act(at: Files.folder(of: path)) { () throws(SystemError) in
            try Files.makeFolder(Files.folder(of: path), mode: 0o700)
            try Files.replace(path, with: key, mode: 0o600)
        }
        try user.give(path)
    }
}
