import AgentCore
import BuildProtocol
import Support

/// Packer's plugins on this host.
enum PackerPluginFolder {
    /// Their versions, by source. Reads the folder each time, so that a new one needs no restart.
    static func versions(_ folder: String) -> [String: [String]] {
        var found: [String: Set<String>] = [:]
        var visits = AgentLimits.packerPluginEntries
        visit(folder, source: [], &visits, &found)
        return found.mapValues { $0.sorted() }
    }

    private static func visit(
        _ folder: String, source: [String], _ visits: inout Int,
        _ found: inout [String: Set<String>]
    ) {
        for name in ((try? Files.list(folder)) ?? []).sorted() {
            guard visits > 0 else { return }
            visits -= 1
            let path = "\(folder)/\(name)"
            // As deep as the addresses of plugins may be.
            if Files.kind(path) == .folder, source.count < PackerPluginFile.sourceParts {
                visit(path, source: source + [name], &visits, &found)
            } else if source.count > 1, let plugin = PackerPluginFile(name),
                plugin.name == source.last
            {
                found[source.joined(separator: "/"), default: []].insert(plugin.version)
            }
        }
    }
}
