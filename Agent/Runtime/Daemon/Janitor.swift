import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Removes what is not needed: processes and control groups without a live attempt, temporary
/// files, templates and base images beyond their limits. Blocks: run it on a thread of its own.
struct Janitor: Sendable {
    let state: StateFolder
    let cacheBytes: Int64
    let logger = Logger("janitor")

    /// Tokens of all attempts that have processes or control groups. To be called before the live
    /// attempts are looked up: a token that is found here and not known then is dead, however many
    /// attempts start in the meantime.
    func suspects() -> Set<AttemptToken> {
        let marked = ProcessTable.withVariable(
            ProcessMark.attempt, beside: (ProcessMark.stateFolder, state.root)
        ) { _ in true }
        return Set(marked.compactMap { AttemptToken($0.value) }).union(groups().map(\.token))
    }

    /// - Parameter dead: tokens whose processes are to be killed.
    func clean(dead: Set<AttemptToken>) {
        if !dead.isEmpty { end(dead) }
        removeTemporary()
        do { try ShortFolders(state: state).sweep() } catch { logger.error("\(error)") }
        boundTemplates()
        boundBaseImages()
    }

    // MARK: Processes

    private func end(_ dead: Set<AttemptToken>) {
        for (folder, token) in groups() where dead.contains(token) {
            let group = ControlGroup(existing: folder)
            group.kill()
            group.remove()
        }
        let texts = Set(dead.map(\.text))
        let unkillable = AttemptProcesses.killMarked(stateFolder: state.root) { texts.contains($0) }
        logger.warning("killed the remains of \(dead.count) dead attempts")
        if !unkillable.isEmpty { logger.error("cannot kill processes \(unkillable)") }
    }

    private func groups() -> [(folder: String, token: AttemptToken)] {
        let prefix = AttemptProcesses.groupPrefix(stateFolder: state.root)
        return ControlGroup.siblings().compactMap { folder in
            let name = Files.name(of: folder)
            guard name.hasPrefix(prefix) else { return nil }
            return AttemptToken(String(name.dropFirst(prefix.count))).map { (folder, $0) }
        }
    }

    // MARK: Files

    /// Deletes what earlier daemons did not finish deleting.
    func emptyTrash() {
        for name in list(state.trash) { remove("\(state.trash)/\(name)") }
    }

    /// Partially received templates and partially written notes. A `.part` file is a download that
    /// can be resumed, and counts as a base image.
    private func removeTemporary() {
        for folder in [state.templates, state.baseImages, state.root] {
            for name in list(folder) where isTemporary(name) {
                let path = "\(folder)/\(name)"
                if age(path) > AgentLimits.temporarySeconds { remove(path) }
            }
        }
    }

    /// The names of unfinished files of the gate and of `Files.replace`.
    private func isTemporary(_ name: String) -> Bool {
        name.contains(".tmp") || name.hasPrefix(".") && name.hasSuffix(".part")
    }

    private func boundTemplates() {
        let paths = list(state.templates).filter { $0.hasSuffix(".tar") }
            .map { "\(state.templates)/\($0)" }
        let old = paths.sorted { modified($0) > modified($1) }.dropFirst(AgentLimits.templates)
        for path in old { remove(path) }
    }

    /// Drops the least recently used images beyond the limit. An attempt that uses one has its own
    /// hard link to it.
    private func boundBaseImages() {
        let cache = BaseImageCache(state: state)
        var images = cache.entries().sorted { modified(cache.note($0)) < modified(cache.note($1)) }
        var total = images.reduce(Int64(0)) { $0 + cache.sizeBytes($1) }
        while total > cacheBytes, let key = images.first {
            images.removeFirst()
            // The holder of the lock is fetching or linking it now.
            guard let lock = try? FileLock.tryTake(cache.lock(key)) else { continue }
            total -= cache.sizeBytes(key)
            cache.remove(key)
            logger.info("dropped the base image \(key) from the cache")
            _ = consume lock
        }
    }

    private func list(_ folder: String) -> [String] { (try? Files.list(folder)) ?? [] }

    private func remove(_ path: String) {
        do { try Files.remove(path) } catch { logger.error("\(error)") }
    }

    private func modified(_ path: String) -> Int64 {
        FileIdentity(path)?.modifiedNanoseconds ?? 0
    }

    private func age(_ path: String) -> Int64 {
        (Clocks.unixMilliseconds() - modified(path) / 1_000_000) / 1000
    }
}
