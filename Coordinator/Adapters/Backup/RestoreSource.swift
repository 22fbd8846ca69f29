import Support

/// A backup that is to be restored.
struct RestoreSource: Sendable {
    let folder: String
    let manifest: BackupManifest
    /// Those that are restored.
    let keys: [BackupManifest.File]
    /// Where they are.
    let keysFolder: String
    private let user: FarmUser

    /// - Throws: `Failure` if it is not whole, or not for this program and database.
    init(
        _ folder: String, keys: FarmRestore.Keys, for places: FarmPlaces, user: FarmUser
    ) throws {
        guard Files.kind(folder) != nil else { throw Failure("\(folder) does not exist") }
        guard !folder.hasSuffix(BackupFolders.partEnding) else {
            throw Failure("\(folder) was interrupted while it was made: take another backup")
        }
        self.folder = folder
        self.user = user
        manifest = try BackupManifest.read(folder)
        switch keys {
        case .inside, .lost: keysFolder = "\(folder)/\(BackupFolders.keys)"
        case .elsewhere(let place):
            keysFolder = try Self.folder(ofKeys: manifest.keys ?? [], in: place, folder, user)
        }
        self.keys = keys == .lost ? [] : manifest.keys ?? []
        guard manifest.schema <= Migrator.newest else {
            throw Failure(
                "\(folder) has schema \(manifest.schema), made by aibuild \(manifest.version); "
                    + "this one knows \(Migrator.newest): upgrade it first")
        }
        guard manifest.engine == places.engine else {
            throw Failure(
                "\(folder) is of a \(manifest.engine.rawValue) database, and `database` in "
                    + "coordinator.yml is \(places.engine.rawValue)")
        }
        // A lease of a clock that is behind would have an epoch that hosts refuse.
        guard manifest.madeMilliseconds < Clocks.unixMilliseconds() + 60_000 else {
            throw Failure(
                "\(folder) was made at \(manifest.made), which is in the future: set the clock of "
                    + "this machine")
        }
    }

    /// The folder itself, or if it holds those of several backups, the one of this backup's name;
    /// of a backup that was renamed, the newest. Digests tell whether they are the right ones.
    private static func folder(
        ofKeys keys: [BackupManifest.File], in place: String, _ backup: String, _ user: FarmUser
    ) throws -> String {
        try user.act(at: place) { () throws(SystemError) in
            guard Files.kind(place) == .folder,
                !keys.contains(where: { Files.exists("\(place)/\($0.path)") })
            else { return place }
            let own = "\(place)/\(Files.name(of: backup))"
            if Files.kind(own) == .folder { return own }
            let names = try Files.list(place).filter { BackupFolders.isName($0) }
            return names.max().map { "\(place)/\($0)" } ?? place
        }
    }

    /// The database, as it is on the disk.
    func open() throws -> Descriptor {
        try open("\(folder)/\(FarmBackup.databaseName(manifest.engine))")
    }

    /// Nobody else's file may be read with the rights of root.
    private func open(_ path: String) throws(SystemError) -> Descriptor {
        try user.act(at: path) { () throws(SystemError) in try BackupFile.open(path) }
    }

    /// Copies a file, and compares it once more. Blocks.
    func copy(
        _ file: BackupManifest.File, in place: String? = nil, to target: String,
        mode: Int32 = 0o640
    ) throws {
        let path = "\(place ?? folder)/\(file.path)"
        try Files.makeFolder(Files.folder(of: target), mode: 0o750)
        let input = try open(path)
        let copy = try BackupFile.copy(input, to: target, as: file.path, mode: mode)
        guard copy == file else { throw Failure("\(path) has changed while it was restored") }
    }

    /// The files beside the database.
    var files: [BackupManifest.File] {
        manifest.files.filter { $0.path != FarmBackup.databaseName(manifest.engine) }
    }

    /// Reads everything. Blocks.
    /// - Throws: `Failure` that names the first file that is not as it was.
    func verify() throws {
        for file in manifest.files { try verify(file, in: folder) }
        guard manifest.files.count > files.count else {
            throw Failure("\(folder) has no database")
        }
        guard keys.isEmpty || Files.kind(keysFolder) == .folder else {
            throw Failure(
                "The keys of this backup are not in \(keysFolder): say where they are with --keys, "
                    + "or restore the rest with --without-keys if they are lost")
        }
        for file in keys { try verify(file, in: keysFolder) }
    }

    private func verify(_ file: BackupManifest.File, in folder: String) throws {
        let path = "\(folder)/\(file.path)"
        let found = try user.act(at: path) { () throws(SystemError) in
            Files.kind(path) == .file ? try BackupFile.read(path, as: file.path) : nil
        }
        guard let found else { throw Failure("\(path) is missing") }
        guard found == file else {
            throw Failure("\(path) is damaged: its digest differs. Take another backup")
        }
    }
}
