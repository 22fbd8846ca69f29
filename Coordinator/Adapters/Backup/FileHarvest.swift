import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Copies logs and template archives into a backup, in two passes around the copy of the database.
///
/// Every file that a row names existed when the database was copied. The second pass finds those
/// that were written since the first one; the first one finds those that retention removes before
/// the second. So no row of the backup names a file that the backup does not have. A log that
/// grows is copied as far as it has come, which is at least as far as the rows know.
///
/// What was seen of profiles is copied before the database only: it is written after the rows of
/// what follows from it, and must not say more than they do.
struct FileHarvest {
    private struct Copied {
        /// Of the source, before it was read.
        var stamp: String
        var file: BackupManifest.File
    }

    private let source: String
    private let target: String
    private let user: FarmUser
    private var copied: [String: Copied] = [:]

    /// - Parameter user: whose the source is.
    init(from source: String, to target: String, user: FarmUser) {
        self.source = source
        self.target = target
        self.user = user
    }

    var files: [BackupManifest.File] {
        copied.values.map(\.file).sorted { $0.path < $1.path }
    }

    var sizeBytes: Int64 { copied.values.map(\.file.sizeBytes).clampedSum() }

    /// What the sources have now.
    static func sizeBytes(of folder: String, user: FarmUser) throws -> Int64 {
        try paths(folder, user).map { Files.sizeBytes("\(folder)/\($0)") ?? 0 }.clampedSum()
    }

    /// The first pass. Blocks.
    mutating func begin() throws {
        try pass(
            over: Self.paths(source, user)
                + (Files.exists("\(source)/\(Self.seen)") ? [Self.seen] : []))
    }

    /// The second pass, after the database was copied. Blocks.
    mutating func end() throws { try pass(over: Self.paths(source, user)) }

    private static let seen = "profiles.json"

    private mutating func pass(over paths: [String]) throws {
        for path in paths {
            guard let stamp = Files.stamp("\(source)/\(path)"), copied[path]?.stamp != stamp else {
                continue
            }
            do throws(SystemError) {
                let input = try user.act(at: source) { () throws(SystemError) in
                    try BackupFile.open("\(source)/\(path)")
                }
                let file = try BackupFile.copy(input, to: "\(target)/\(path)", as: path)
                copied[path] = Copied(stamp: stamp, file: file)
            } catch {
                // Retention has removed it since. What the first pass has of it stays.
                guard error.errno == ENOENT, !Files.exists("\(source)/\(path)") else { throw error }
            }
        }
    }

    /// Transfers in progress have names that begin with a dot; mirrors of Git are fetched again.
    private static func paths(
        _ folder: String, _ user: FarmUser
    ) throws(SystemError) -> [String] {
        try user.act(at: folder) { () throws(SystemError) in
            var found: [String] = []
            for part in try namesOfTop("\(folder)/logs") {
                let place = "\(folder)/logs/\(part)"
                guard Files.kind(place) == .folder else { continue }
                found += try names(place).map { "logs/\(part)/\($0)" }
            }
            found += try namesOfTop("\(folder)/templates").filter { $0.hasSuffix(".tar") }
                .map { "templates/\($0)" }
            return found.filter { Files.kind("\(folder)/\($0)") == .file }
        }
    }

    /// A coordinator writes to these two also where they are links to folders.
    /// - Throws: `SystemError` if there is something that is no folder, or a link to nothing.
    private static func namesOfTop(_ folder: String) throws(SystemError) -> [String] {
        Files.exists(folder) ? try names(folder) : []
    }

    private static func names(_ folder: String) throws(SystemError) -> [String] {
        try Files.list(folder).filter { !$0.hasPrefix(".") }
    }
}

/// One file of a backup.
enum BackupFile {
    private static let bufferBytes = 1 << 20

    /// Opens a file, and neither follows a link nor waits for a pipe that has taken its place.
    static func open(_ path: String) throws(SystemError) -> Descriptor {
        let file = try Descriptor(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        var info = stat()
        guard fstat(file.raw, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(errno: EINVAL, "\(path) is no file")
        }
        return file
    }

    /// Copies what a file has now, and its digest. Blocks.
    static func copy(
        _ input: borrowing Descriptor, to target: String, as path: String, mode: Int32 = 0o600
    ) throws(SystemError) -> BackupManifest.File {
        try Files.makeFolder(Files.folder(of: target), mode: 0o700)
        let output = try Descriptor(
            target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
        let size = try input.sizeBytes()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferBytes, alignment: 1)
        defer { buffer.deallocate() }
        var digest = SHA256()
        var done: Int64 = 0
        while done < size {
            let wanted = Int(min(size - done, Int64(bufferBytes)))
            let count = try input.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            digest.update(bytes)
            try output.writeAll(bytes)
            done += Int64(count)
        }
        return BackupManifest.File(path: path, sizeBytes: done, sha256: digest.finish())
    }

    static func read(_ path: String, as name: String) throws(SystemError) -> BackupManifest.File {
        BackupManifest.File(
            path: name, sizeBytes: Files.sizeBytes(path) ?? 0, sha256: try SHA256.file(path))
    }

    /// Brings everything that was written to the file system of a folder onto the disk: one wait
    /// for all files, and not one for each.
    static func sync(_ folder: String) async throws {
        let output = try await Command(
            ["sync", "--file-system", folder], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 3600)
        guard output.status.isSuccess else { throw Failure("cannot sync: \(output.said)") }
    }
}
