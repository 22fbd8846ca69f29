import TextKit

/// A file of one of Packer's plugins, as the coordinator hands it out to its hosts.
public struct PackerPlugin: Sendable, Hashable, Codable {
    /// Its path in a folder of plugins: the source and the name, as Packer installs it.
    public var file: String
    public var sha256: String
    @Bounded<ByteBound> public var sizeBytes: Int64

    public init(file: String, sha256: String, sizeBytes: Int64) {
        self.file = file
        self.sha256 = sha256
        self.sizeBytes = sizeBytes
    }

    /// What an agent needs to install it; `nil` if it must not be installed under this name.
    public var place: PackerPluginPath? {
        Names.isSHA256(sha256) && !$sizeBytes.isOutOfRange
            && sizeBytes <= ProtocolLimits.templateBytes ? PackerPluginPath(file) : nil
    }
}

/// `github.com/hashicorp/qemu/packer-plugin-qemu_v1.0.9_x5.0_linux_amd64`
public struct PackerPluginPath: Sendable, Hashable {
    /// `github.com/hashicorp/qemu`
    public var source: String
    public var file: PackerPluginFile

    /// `nil` if the path is no plugin's; it then may lead out of the folder.
    public init?(_ path: String) {
        guard path.utf8.count <= PackerPluginFile.pathBytes else { return nil }
        let folders = path.pathSegments.dropLast()
        guard (2...PackerPluginFile.sourceParts).contains(folders.count),
            folders.allSatisfy({ Names.problem(String($0)) == nil }),
            let name = path.pathSegments.last, let file = PackerPluginFile(String(name)),
            folders.last.map({ $0 == file.name }) ?? false
        else { return nil }
        source = folders.joined(separator: "/")
        self.file = file
    }
}

/// The name of a plugin's file as Packer installs it:
/// `packer-plugin-qemu_v1.0.9_x5.0_linux_amd64`.
public struct PackerPluginFile: Sendable, Hashable {
    /// Of the file beside each, with its digest in hexadecimal.
    public static let checksumSuffix = "_SHA256SUM"
    /// A plugin's address has at most 16 parts; the name leaves room for the suffix.
    public static let sourceParts = 16
    static let nameBytes = 200
    static let pathBytes = 1024

    public var name: String
    public var version: String
    /// `linux_amd64`
    public var platform: String

    public init?(_ file: String) {
        // In ASCII, so that what is matched is what the bytes say.
        guard file.utf8.count <= Self.nameBytes, file.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let match = file.wholeMatch(
                of:
                    #/packer-plugin-([\w-]+)_v([0-9][A-Za-z0-9.+-]*)_x[0-9.]+_(linux_[a-z0-9]+)/#
            )
        else { return nil }
        name = String(match.1)
        version = String(match.2)
        platform = String(match.3)
    }
}

extension Sequence<PackerPlugin> {
    /// Versions by source, of the plugins for a platform.
    public func versions(for platform: String) -> [String: [String]] {
        var found: [String: Set<String>] = [:]
        for case let place? in map(\.place) where place.file.platform == platform {
            found[place.source, default: []].insert(place.file.version)
        }
        return found.mapValues { $0.sorted() }
    }
}

/// All plugins that the coordinator hands out for a host's platform. The agent installs those
/// whose files it has received, and removes those of earlier lists that are not in this one.
public struct HandedOutPlugins: Sendable, Hashable, Codable {
    public var plugins: [PackerPlugin]
    public init(plugins: [PackerPlugin]) { self.plugins = plugins }
}

/// The answer: digests of the files that the agent has to receive first.
public struct MissingPlugins: Sendable, Hashable, Codable {
    public var missing: [String]
    public init(missing: [String]) { self.missing = missing }
}
