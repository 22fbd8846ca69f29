import ProcessKit
import Support

/// The keys that open the database of a backup.
struct RestoredKeys: Sendable {
    /// `nil`: nothing is sealed in it, and there is no key.
    private(set) var sealing: SealingKeys?
    /// The file of a key that has to be made, and what it has then.
    private(set) var new: (path: String, bytes: [UInt8])?

    /// - Parameter isLost: the backup's are gone. The one that is in its place is kept; without
    ///   one, there will be a new one.
    /// - Throws: `Failure` if they cannot be those of the backup.
    init(
        _ source: RestoreSource, _ places: FarmPlaces, isLost: Bool, _ user: FarmUser
    ) throws {
        let name = FarmPlaces.secretKey
        var file = places.key(name)?.path
        if source.keys.contains(where: { $0.path == name }) {
            file = "\(source.keysFolder)/\(name)"
        }
        let found = try file.flatMap { file in
            try user.act(at: file) { () throws(SystemError) in
                Files.exists(file)
                    ? Result { (try SecretKey.all(inFile: file), try SealingKeys(file: file)) }
                    : nil
            }?.get()
        }
        sealing = found?.1
        guard !isLost else {
            guard found == nil, let file else { return }
            let key = SecretKey()
            new = (file, Array("\(key.text)\n".utf8))
            sealing = SealingKeys(key)
            return
        }
        guard let file, let (all, _) = found else {
            guard source.manifest.keyPrefixes.isEmpty else {
                throw RestoredDatabase.wrongKeys("the database, and no key is there")
            }
            return
        }
        guard Set(all.map(\.prefix)).isSuperset(of: source.manifest.keyPrefixes) else {
            throw RestoredDatabase.wrongKeys("the database (key file \(file))")
        }
    }
}
