import AgentCore
import BuildProtocol
import Glibc
import Support
import TextKit

/// The plugins that the coordinator hands out, in the agent's own folder of plugins. Those that the
/// host's administrator put there are never touched: a list says which ones are the coordinator's.
/// Blocks: run it on a thread of its own, and one after another.
struct DeliveredPlugins: Sendable {
    let state: StateFolder

    struct Outcome: Sendable {
        /// Digests of files that have to be received first.
        var missing: [String] = []
        /// For the operator.
        var problems: [String] = []
    }

    /// Makes the folder have what the coordinator hands out now. May be repeated, also after a
    /// crash at any point.
    func settle(_ wanted: [PackerPlugin]) throws -> Outcome {
        var outcome = Outcome()
        var own = recorded()
        let acceptable = acceptable(wanted, &outcome)
        let files = Set(acceptable.map(\.file))
        // At once, although a build may be using it: what is withdrawn may be dangerous. Packer has
        // started its plugins when a build has begun.
        for (file, plugin) in own where !files.contains(file) {
            let problem = attempt(plugin) {
                if isUntouched(plugin) { try remove(plugin) }
                own[file] = nil
                try record(own)
            }
            if let problem { outcome.problems.append(problem) }
        }
        for plugin in acceptable {
            let problem = attempt(plugin) {
                if let old = own[plugin.file], !isUntouched(old) {
                    // The administrator has replaced it.
                    own[plugin.file] = nil
                    try record(own)
                }
                let isThere = Files.exists(path(plugin))
                if isThere, own[plugin.file].map({ $0 == plugin }) ?? true { return }
                guard hasOnlyFolders(above: plugin) else {
                    throw Failure("a folder of it is a link or a file")
                }
                guard Files.sizeBytes(state.template(plugin.sha256)) == plugin.sizeBytes else {
                    outcome.missing.append(plugin.sha256)
                    return
                }
                if isThere, let old = own[plugin.file] { try remove(old) }
                own[plugin.file] = plugin
                try record(own)
                try install(plugin)
            }
            if let problem { outcome.problems.append(problem) }
        }
        try checkRoom(acceptable, &outcome)
        return outcome
    }

    /// Names from the coordinator are checked here, whatever it has checked.
    private func acceptable(_ wanted: [PackerPlugin], _ outcome: inout Outcome) -> [PackerPlugin] {
        var files: Set<String> = []
        var rest = ProtocolLimits.pluginsBytes
        var taken: [PackerPlugin] = []
        for plugin in wanted {
            guard let place = plugin.place, place.file.platform == AgentPlatform.plugins,
                files.insert(plugin.file).inserted, plugin.sizeBytes <= rest,
                taken.count < ProtocolLimits.plugins
            else {
                outcome.problems.append(
                    "the coordinator hands out the plugin \(Names.quoted(plugin.file)), which "
                        + "this agent does not install: its name, platform or size is wrong")
                continue
            }
            rest -= plugin.sizeBytes
            taken.append(plugin)
        }
        return taken
    }

    private func attempt(_ plugin: PackerPlugin, _ body: () throws -> Void) -> String? {
        do { try body() } catch {
            return "cannot install or remove the plugin \(Names.quoted(plugin.file)) of the "
                + "coordinator: \(error)"
        }
        return nil
    }

    /// What does not fit is not received: the disk is for builds.
    private func checkRoom(_ plugins: [PackerPlugin], _ outcome: inout Outcome) throws {
        var free = try Files.room(state.root).free - AgentLimits.diskReserveBytes
        for plugin in plugins where outcome.missing.contains(plugin.sha256) {
            if plugin.sizeBytes <= free {
                free -= plugin.sizeBytes
                continue
            }
            outcome.missing.removeAll { $0 == plugin.sha256 }
            outcome.problems.append(
                "there is no room for the plugin \(Names.quoted(plugin.file)) of the coordinator: "
                    + "free disk space")
        }
    }

    // MARK: Files

    private func path(_ plugin: PackerPlugin) -> String {
        "\(state.packerPlugins)/\(plugin.file)"
    }

    private func checksum(_ plugin: PackerPlugin) -> String {
        path(plugin) + PackerPluginFile.checksumSuffix
    }

    /// Whether a plugin of the list is as it was installed, or not there. The checksum comes before
    /// the file and goes after it.
    private func isUntouched(_ plugin: PackerPlugin) -> Bool {
        guard hasOnlyFolders(above: plugin) else { return false }
        switch Files.kind(path(plugin)) {
        case nil: return true
        case .file:
            let text = try? Files.read(checksum(plugin), limitBytes: 128)
            return text == Array(plugin.sha256.utf8)
                && Files.sizeBytes(path(plugin)) == plugin.sizeBytes
        default: return false
        }
    }

    /// No link leads out of the folder of plugins.
    private func hasOnlyFolders(above plugin: PackerPlugin) -> Bool {
        var folder = state.packerPlugins
        for name in plugin.file.pathSegments.dropLast() {
            folder += "/\(name)"
            switch Files.kind(folder) {
            case .folder: continue
            case nil: return true
            default: return false
            }
        }
        return true
    }

    private func install(_ plugin: PackerPlugin) throws {
        let (path, received) = (path(plugin), state.template(plugin.sha256))
        try Files.makeFolder(Files.folder(of: path))
        // Not by a rename: nothing has to be swept after a crash.
        let sum = try Descriptor(
            checksum(plugin), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
        try sum.writeAll(Array(plugin.sha256.utf8))
        try sum.sync()
        guard chmod(received, 0o755) == 0 else { throw SystemError.last("cannot use \(received)") }
        // Unlike a rename, this replaces nothing.
        guard link(received, path) == 0 else { throw SystemError.last("cannot create \(path)") }
        try Files.syncFolder(Files.folder(of: path))
        unlink(received)
    }

    private func remove(_ plugin: PackerPlugin) throws {
        try Files.remove(path(plugin))
        try Files.remove(checksum(plugin))
        var folder = Files.folder(of: path(plugin))
        // Up to the first that has other plugins.
        while folder != state.packerPlugins, rmdir(folder) == 0 {
            folder = Files.folder(of: folder)
        }
    }

    // MARK: The list

    /// Those that are the coordinator's, by file. Without the list, all are the administrator's.
    private func recorded() -> [String: PackerPlugin] {
        guard Files.exists(state.deliveredPlugins) else { return [:] }
        do {
            let list = try StateFile.read(
                [PackerPlugin].self, state.deliveredPlugins,
                limitBytes: ProtocolLimits.lineBytes)
            return Dictionary(
                list.filter { $0.place != nil }.map { ($0.file, $0) }, uniquingKeysWith: { $1 })
        } catch {
            Logger("agent").error("\(error)")
            return [:]
        }
    }

    private func record(_ own: [String: PackerPlugin]) throws {
        let list = own.values.sorted { $0.file < $1.file }
        try Files.replace(state.deliveredPlugins, with: StateFile.encode(list), mode: 0o600)
    }
}

/// What this agent was built for.
enum AgentPlatform {
    /// Of the plugins that run here, as Packer names it; `nil`: none is known.
    static var plugins: String? {
        #if arch(x86_64)
            "linux_amd64"
        #elseif arch(arm64)
            "linux_arm64"
        #else
            nil
        #endif
    }
}
