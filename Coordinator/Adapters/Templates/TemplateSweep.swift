import BuildProtocol
import Support

/// Removes archives and mirrors that nobody uses any more. Their modification time says when they
/// were used last.
struct TemplateSweep {
    let folder: String
    let nowMilliseconds: Int64

    /// Longer than a build takes from its plan to its row.
    private static let archiveMilliseconds: Int64 = 86_400_000
    /// A mirror is fetched again when it is needed: what is removed costs a download.
    private static let mirrorMilliseconds: Int64 = 30 * 86_400_000

    /// - Throws: `SystemError`, the first one, after everything else was removed.
    func run(keeping digests: Set<String>) throws(SystemError) {
        var failure: SystemError?
        for name in try Files.list(folder) where isRemovable(name, digests) {
            remove(name, unusedFor: Self.archiveMilliseconds, &failure)
        }
        for name in try Files.list(folder + "/git") {
            remove("git/" + name, unusedFor: Self.mirrorMilliseconds, &failure)
        }
        if let failure { throw failure }
    }

    /// An archive that no build needs, or what an interrupted archiver left.
    private func isRemovable(_ name: String, _ digests: Set<String>) -> Bool {
        if name.hasPrefix(".") { return name.hasSuffix(".part") }
        guard name.hasSuffix(".tar") else { return false }
        let digest = String(name.dropLast(4))
        return Names.isSHA256(digest) && !digests.contains(digest)
    }

    private func remove(
        _ name: String, unusedFor limit: Int64, _ failure: inout SystemError?
    ) {
        let path = "\(folder)/\(name)"
        guard let used = Files.modifiedNanoseconds(path),
            nowMilliseconds - used / 1_000_000 > limit
        else { return }
        do throws(SystemError) { try Files.remove(path) } catch { failure = failure ?? error }
    }
}
