import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// The cached base images of a host: files named by their digest or, without one, by their URL.
/// Next to each is a note with its identity; the note's time is when the image was last used.
struct BaseImageCache: Sendable {
    let state: StateFolder

    /// What is known about a cached image.
    struct Note: Codable, Sendable, Hashable {
        var identity: FileIdentity
        /// By the algorithm of the key; SHA-256 for images without a digest.
        var sha256: String
        /// For revalidation by the server.
        var entityTag: String?
    }

    func path(_ key: String) -> String { "\(state.baseImages)/\(key)" }
    func note(_ key: String) -> String { path(key) + ".json" }
    func lock(_ key: String) -> String { path(key) + ".lock" }
    func part(_ key: String) -> String { path(key) + ".part" }

    static func key(_ wanted: BaseImage) -> String {
        switch wanted.digest {
        case let digest? where digest.algorithm == .sha256: digest.hex
        case let digest?: "\(digest.algorithm.rawValue)-\(digest.hex)"
        case nil: "url-" + SHA256.hex(wanted.url.utf8)
        }
    }

    /// Digests of the complete images on this host.
    func digests() -> [String] {
        ((try? Files.list(state.baseImages)) ?? []).filter { Names.isSHA256($0) }
    }

    /// Keys of all images, complete or partial.
    func entries() -> [String] {
        var keys: Set<String> = []
        for name in (try? Files.list(state.baseImages)) ?? [] {
            let key = String(name.prefix { $0 != "." })
            if !key.isEmpty, !key.hasPrefix("file-") { keys.insert(key) }
        }
        return keys.sorted()
    }

    func sizeBytes(_ key: String) -> Int64 {
        (Files.sizeBytes(path(key)) ?? 0) + (Files.sizeBytes(part(key)) ?? 0)
    }

    /// The note of an image that exists and was not modified since. A build may have written to it,
    /// because it gets a hard link.
    func intactNote(_ key: String) -> Note? {
        guard
            let note = try? StateFile.read(
                Note.self, note(key), limitBytes: AgentLimits.stateFileBytes),
            FileIdentity(path(key)) == note.identity
        else { return nil }
        return note
    }

    func remember(_ key: String, sha256: String, entityTag: String?) throws {
        guard let identity = FileIdentity(path(key)) else {
            throw Failure("the base image \(path(key)) vanished")
        }
        let note = Note(identity: identity, sha256: sha256, entityTag: entityTag)
        try Files.replace(self.note(key), with: StateFile.encode(note), mode: 0o600)
    }

    /// Marks an image as used now.
    func touch(_ key: String) { utimensat(AT_FDCWD, note(key), nil, 0) }

    func remove(_ key: String) {
        for path in [path(key), note(key), part(key)] { unlink(path) }
    }
}

/// A base image on this host's disk.
struct FetchedBaseImage: Sendable, Hashable {
    var path: String
    /// The digest that the template requires, if any.
    var digest: ImageDigest?
}

/// Hashes a file in pieces, with a checkpoint in between for cancel requests.
enum FileDigest {
    static func compute(
        _ path: String, _ algorithm: ImageDigest.Algorithm = .sha256, checkpoint: () throws -> Void
    ) throws -> String {
        let file = try Descriptor(path, O_RDONLY)
        guard var hasher = Digest(named: algorithm.rawValue) else {
            throw Failure("this host's libcrypto has no \(algorithm.title)")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            try checkpoint()
            let count = try file.read(into: buffer)
            if count == 0 { return hasher.finish() }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
