public import BuildProtocol

/// Where everything of one agent lies. Paths only; nothing is touched.
public struct StateFolder: Sendable, Hashable {
    /// Absolute, no slash at its end.
    public let root: String

    public init(_ root: String) { self.root = root }

    public static let standard = "/var/lib/aibuild-agent"

    /// Held by the one daemon of this folder.
    public var lock: String { root + "/lock" }
    public var socket: String { root + "/agent.sock" }
    public var templates: String { root + "/templates" }
    public var baseImages: String { root + "/base" }
    public var attempts: String { root + "/attempts" }
    /// What is being deleted. A rename into it is the moment of deletion.
    public var trash: String { root + "/trash" }
    /// The highest epoch of a coordinator that was heard.
    public var epoch: String { root + "/epoch" }
    public var probe: String { root + "/probe.json" }
    public var packerConfiguration: String { root + "/packer" }

    public var folders: [String] {
        [templates, baseImages, attempts, trash, packerConfiguration]
    }

    /// `sha256` has been checked by `Names.isSHA256`.
    public func template(_ sha256: String) -> String { "\(templates)/\(sha256).tar" }

    public func attempt(_ token: AttemptToken) -> AttemptFolder {
        AttemptFolder(root: "\(attempts)/\(token)", token: token)
    }
}

/// Where everything of one attempt lies: `attempts/<token>/`.
public struct AttemptFolder: Sendable, Hashable {
    public let root: String
    public let token: AttemptToken

    public init(root: String, token: AttemptToken) {
        self.root = root
        self.token = token
    }

    /// The `Start` message, written before the attempt is accepted.
    public var start: String { root + "/start.json" }
    /// Held by the supervisor; it holds its process id.
    public var lock: String { root + "/lock" }
    public var log: String { root + "/log.ndjson" }
    /// The `Phase` that the attempt is in.
    public var phase: String { root + "/phase.json" }
    /// The `Finished` message. Its being there is the end of the attempt.
    public var result: String { root + "/result.json" }
    /// The control group's folder in the cgroup tree, if there is one.
    public var controlGroup: String { root + "/cgroup" }

    /// What the daemon tells the supervisor. A folder of its own, so that the supervisor is not
    /// woken by its own log.
    public var control: String { root + "/control" }
    /// A `Cancel` message.
    public var cancel: String { control + "/cancel" }
    /// The coordinator forgot the attempt: kill it without ado, then delete everything.
    public var forget: String { control + "/forget" }

    /// The unpacked template, where the build program runs.
    public var work: String { root + "/work" }
    /// Where a build program leaves its images.
    public var output: String { root + "/output" }
    public var temporary: String { root + "/tmp" }
    public var home: String { root + "/home" }
    /// Images that are offered to the coordinator, by their plain names.
    public var artifacts: String { root + "/artifacts" }
    public var baseImage: String { root + "/base" }
    /// Links named as QEMU, first in the build program's `PATH`.
    public var shim: String { root + "/shim" }
    /// Control sockets and serial consoles of the attempt's QEMUs.
    public var guests: String { root + "/guests" }
    /// Keys, seed and verdicts of a test attempt.
    public var tests: String { root + "/tests" }
    public var packerVariables: String { root + "/variables.pkrvars.json" }

    /// What is deleted as soon as the attempt has ended.
    public var scratch: [String] {
        [work, output, temporary, home, baseImage, packerVariables, shim, guests, tests]
    }
}

/// Environment variables that mark every process of an attempt, so that it is found again.
public enum ProcessMark {
    public static let attempt = "AIBUILD_ATTEMPT"
    /// The state folder: another agent on the same machine has attempts of its own.
    public static let stateFolder = "AIBUILD_STATE"
}
