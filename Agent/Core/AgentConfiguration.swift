public import TextKit

/// The configuration of an agent: `agent.yml`.
public struct AgentConfiguration: Sendable, Hashable {
    /// Which accelerators the agent offers.
    public enum AcceleratorChoice: String, Sendable, Hashable, CaseIterable {
        /// Those that the probe finds to work.
        case auto
        case kvm, tcg
    }

    public enum IsolationChoice: String, Sendable, Hashable, CaseIterable {
        case bubblewrap, none
    }

    /// Which networks the programs of isolated attempts reach.
    public enum NetworkChoice: String, Sendable, Hashable, CaseIterable {
        case all, none, listed
    }

    public var stateFolder = StateFolder.standard
    /// Concurrent attempts; `nil`: half the number of vCPUs.
    public var slots: Int?
    public var tags: Set<String> = []
    /// `nil`: in the state folder.
    public var socket: String?
    /// Programs: a path, or a name that is searched for in the system's folders.
    public var packer = "packer"
    /// Packer's plugins; `nil`: in the state folder.
    public var packerPlugins: String?
    public var qemuSystem = "qemu-system-x86_64"
    public var qemuImg = "qemu-img"
    public var ovmfFolder = "/usr/share/OVMF"
    /// By name.
    public var secrets: [String: HostSecret] = [:]
    /// `nil`: those of the machine.
    public var vcpus: Int?
    public var memoryBytes: Int64?
    /// Room for cached base images.
    public var cacheBytes: Int64 = 50 << 30
    public var accelerator = AcceleratorChoice.auto
    public var isolation = IsolationChoice.bubblewrap
    public var network = NetworkChoice.all
    /// For `listed`.
    public var networks: [IPv4Network] = []
    /// Paths that isolated programs can read.
    public var readOnly: [String] = []
    /// Paths that isolated programs can write.
    public var readWrite: [String] = []
    /// For base images, besides the networks that builds reach.
    public var baseImageNetworks: [IPv4Network] = []
    /// Folders of the system that isolated programs do not see.
    public var hidden: [String] = []

    public var proxy = ProxySettings()

    /// Lines of the daemon's log are JSON objects, not logfmt.
    public var logsJSON = false

    public init() {}

    public var state: StateFolder { StateFolder(stateFolder) }
    public var socketPath: String { socket ?? state.socket }
    public var packerPluginFolder: String { packerPlugins ?? state.packerPlugins }

    /// `nil` if programs of attempts are not isolated.
    public var attemptIsolation: Isolation? {
        guard isolation == .bubblewrap else { return nil }
        let reached: [IPv4Network]? =
            switch network {
            case .all: nil
            case .none: []
            case .listed: networks
            }
        return Isolation(
            networks: reached, readOnly: readOnly + [proxy.caFile].compactMap(\.self),
            readWrite: readWrite,
            baseImageNetworks: baseImageNetworks, hidden: hidden)
    }

    /// `PATH` of build programs: the folders of configured programs, then the system's.
    public var searchPath: String {
        var folders: [String] = []
        for program in [packer, qemuSystem, qemuImg] where program.isAbsolutePath {
            let folder = program.pathSegments.dropLast().joined(separator: "/")
            if !folders.contains(folder) { folders.append(folder) }
        }
        let system = [
            "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
        ]
        return (folders + system.filter { !folders.contains($0) }).joined(separator: ":")
    }
}
