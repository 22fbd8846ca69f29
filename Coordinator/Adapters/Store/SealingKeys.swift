import ProcessKit
public import Support
import Synchronization

/// The keys of the database: the first one seals, and all of them open. There are several only
/// while the key is changed, and if an operator adds an older one to read what a backup holds.
///
/// Coordinators that share the file share a change of keys: one that meets a value which another
/// has sealed with a newer key reads the file again.
public final class SealingKeys: Sendable {
    private let file: String?
    private let keys: Mutex<[SecretKey]>

    /// A single key that no file holds.
    public init(_ key: SecretKey) {
        file = nil
        keys = Mutex([key])
    }

    /// Reads a file with one key on each line. A missing one is created, with a new key.
    /// - Throws: `SystemError`, `Failure` if the file contains no key.
    public init(file: String) throws {
        try KeyFile.createIfMissing(file)
        self.file = file
        keys = Mutex(try SecretKey.all(inFile: file))
    }

    var count: Int { keys.withLock(\.count) }

    func seal(_ text: String, context: String) -> String? {
        keys.withLock(\.first)?.seal(text, context: context)
    }

    func open(_ sealed: String, context: String) throws(Failure) -> String {
        if let key = key(of: sealed) { return try key.open(sealed, context: context) }
        try? reload()
        guard let key = key(of: sealed) ?? keys.withLock(\.first) else {
            throw Failure("there is no key")
        }
        // Says which key it was sealed with.
        return try key.open(sealed, context: context)
    }

    /// Whether one of the keys has sealed it.
    func knows(_ sealed: String) -> Bool { key(of: sealed) != nil }

    private func key(of sealed: String) -> SecretKey? {
        keys.withLock { keys in keys.first { sealed.hasPrefix($0.prefix) } }
    }

    /// How everything begins that the first key has sealed.
    var prefix: String { keys.withLock { $0.first?.prefix ?? "" } }

    func reload() throws {
        guard let file else { return }
        let found = try SecretKey.all(inFile: file)
        keys.withLock { $0 = found }
    }

    // MARK: A change of keys

    /// Puts a new key before the others, unless there are several: then a change has not ended.
    func begin() throws {
        try change { $0.count > 1 ? $0 : [SecretKey()] + $0 }
    }

    /// The keys behind the first one, which `drop` takes.
    var older: [SecretKey] { keys.withLock { Array($0.dropFirst()) } }

    /// Drops these keys, and no other that came meanwhile.
    func drop(_ older: [SecretKey]) throws {
        let prefixes = Set(older.map(\.prefix))
        try change { keys in
            let rest = keys.filter { !prefixes.contains($0.prefix) }
            return rest.isEmpty ? keys : rest
        }
    }

    /// The file first: what a key in memory alone had sealed, nobody could open after a crash.
    private func change(_ body: ([SecretKey]) -> [SecretKey]) throws {
        guard let file else {
            return keys.withLock { $0 = body($0) }
        }
        guard let lock = try FileLock.tryTake(file + ".lock") else {
            throw Failure("another coordinator is changing the keys in \(file): try again")
        }
        let found = try SecretKey.all(inFile: file)
        let changed = body(found)
        if changed.map(\.prefix) != found.map(\.prefix) {
            let text = changed.map { $0.text + "\n" }.joined()
            try Files.replace(file, with: Array(text.utf8), mode: 0o600)
        }
        keys.withLock { $0 = changed }
        _ = consume lock
    }
}
