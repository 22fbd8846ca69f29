/// The command line of bubblewrap for one program of an attempt: namespaces of its own, the system
/// read-only, of the attempt only what the program works on, and nothing else of the host.
public struct Sandbox: Sendable, Hashable {
    /// An entry of the root folder: a folder, or the link that a merged /usr has in its place.
    public struct SystemFolder: Sendable, Hashable {
        public var path: String
        public var linkTarget: String?

        public init(path: String, linkTarget: String? = nil) {
            self.path = path
            self.linkTarget = linkTarget
        }
    }

    /// What bubblewrap inherits, by number.
    public enum Descriptors {
        /// It writes the process id of the namespace's first process here.
        public static let info: Int32 = 3
        /// It waits for a byte here before it runs the program.
        public static let block: Int32 = 4
        /// The program inside writes how the attempt's program ended here.
        public static let status: Int32 = 5
    }

    public var folder: AttemptFolder
    /// Packer's plugins and settings on this host.
    public var packerConfiguration: String
    public var isolation: Isolation
    /// Whether the program gets a network, as far as the host lets it.
    public var isOnline: Bool
    public var systemFolders: [SystemFolder]
    /// This agent, which runs the program inside and poses as QEMU.
    public var agentProgram: String
    /// Folders of configured programs.
    public var programFolders: [String]
    /// What the program reads outside of the attempt's folder: a base image, an archive.
    public var inputs: [String]
    /// What the name `resolv.conf` leads to on this host.
    public var resolverPath: String?
    public var workFolder: String
    /// For a build as by a Jenkins job.
    public var jenkins: JenkinsPlaces?
    /// Whether `/dev/kvm` is left out: where guests hang under KVM, a program that finds none fails
    /// at once or emulates, and does not wait for a guest that never comes up.
    public var hidesKVM = false

    public init(
        folder: AttemptFolder, packerConfiguration: String, isolation: Isolation,
        isOnline: Bool,
        systemFolders: [SystemFolder], agentProgram: String, programFolders: [String],
        inputs: [String], resolverPath: String?,
        workFolder: String
    ) {
        self.folder = folder
        self.packerConfiguration = packerConfiguration
        self.isolation = isolation
        self.isOnline = isOnline
        self.systemFolders = systemFolders
        self.agentProgram = agentProgram
        self.programFolders = programFolders
        self.inputs = inputs
        self.resolverPath = resolverPath
        self.workFolder = workFolder
    }

    /// The entries of the root folder that hold programs and their settings.
    public static let systemNames = [
        "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt", "nix", "gnu",
    ]

    /// How the agent calls itself inside.
    public static let innerCommand = "inside"

    /// Namespaces and privileges, which a probe of the host tries as well.
    public static let namespaces = [
        "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--hostname", "build",
        // The kernel's interface for privileged users stays closed.
        "--disable-userns", "--cap-drop", "ALL",
        // Its end ends everything in it; no terminal to type into.
        "--die-with-parent", "--new-session",
    ]

    /// `bwrap` with everything up to the program's own arguments.
    public func arguments(_ program: [String]) -> [String] {
        var arguments = ["bwrap"] + Self.namespaces
        arguments += ["--info-fd", "\(Descriptors.info)", "--block-fd", "\(Descriptors.block)"]
        arguments += system()
        // On the host's disk, not in its memory.
        for path in ["/tmp", "/var/tmp"] { arguments += ["--bind", folder.temporary, path] }
        arguments += attempt()
        if let jenkins { arguments += jenkins.arguments(folder) }
        for path in readable() { arguments += ["--ro-bind-try", path, path] }
        for path in isolation.readWrite { arguments += ["--bind-try", path, path] }
        for path in isolation.hidden { arguments += ["--tmpfs", path] }
        // What agent.yml opens by name is not hidden.
        for path in isolation.readOnly
        where isolation.hidden.contains(where: { path.hasPrefix($0 + "/") }) {
            arguments += ["--ro-bind-try", path, path]
        }
        if let resolverPath { arguments += ["--ro-bind", folder.resolver, resolverPath] }
        let place =
            workFolder == folder.work
            ? ProgramFolders.inside.work + folder.inner : workFolder
        arguments += ["--chdir", place, "--", agentProgram, Self.innerCommand]
        return arguments + program
    }

    private func system() -> [String] {
        var arguments: [String] = []
        for entry in systemFolders {
            if let target = entry.linkTarget {
                arguments += ["--symlink", target, entry.path]
            } else {
                arguments += ["--ro-bind", entry.path, entry.path]
            }
        }
        // Root may write there, even without capabilities.
        arguments += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
        arguments += ["--dev", "/dev"]
        if !hidesKVM { arguments += ["--dev-bind-try", "/dev/kvm", "/dev/kvm"] }
        // The C library counts processors here.
        let processors = "/sys/devices/system/cpu"
        return arguments + ["--ro-bind-try", processors, processors, "--dir", "/run"]
    }

    private func attempt() -> [String] {
        let writable = [
            folder.unpacked, folder.output, folder.temporary, folder.home, folder.guests,
            folder.tests,
        ]
        let readable = [
            folder.shim, folder.baseImage, folder.packerOffers, folder.packerVariables,
            folder.start,
        ]
        let short = [
            (folder.unpacked, ProgramFolders.inside.work),
            (folder.output, ProgramFolders.inside.output),
            (folder.home, ProgramFolders.inside.home),
        ]
        return writable.flatMap { ["--bind-try", $0, $0] }
            + short.flatMap { ["--bind-try", $0, $1] }
            + readable.flatMap { ["--ro-bind-try", $0, $0] }
    }

    /// Without what the system's folders hold already. Of the attempt's secrets, those that are
    /// inputs.
    private func readable() -> [String] {
        let paths =
            [agentProgram, packerConfiguration] + programFolders + isolation.readOnly + inputs
        return paths.filter { path in
            !systemFolders.contains { path == $0.path || path.hasPrefix($0.path + "/") }
                && (!path.hasPrefix(folder.root + "/") || path.hasPrefix(folder.secrets + "/"))
        }
    }
}
