public import BuildProtocol

/// The paths of one attempt: `attempts/<token>/`.
public struct AttemptFolder: Sendable, Hashable {
    public let root: String
    public let token: AttemptToken
    private let templateFolder: String?

    /// - Parameter templateFolder: the folder of the template's archive where programs run.
    public init(root: String, token: AttemptToken, templateFolder: String? = nil) {
        self.root = root
        self.token = token
        self.templateFolder = templateFolder
    }

    public func running(in templateFolder: String?) -> AttemptFolder {
        AttemptFolder(root: root, token: token, templateFolder: templateFolder)
    }

    /// The `Start` message, written before the attempt is accepted.
    public var start: String { root + "/start.json" }
    /// Held by the supervisor; it holds its process id.
    public var lock: String { root + "/lock" }
    public var log: String { root + "/log.ndjson" }
    /// The `Phase` that the attempt is in.
    public var phase: String { root + "/phase.json" }
    /// The `Finished` message. The attempt has ended once this file exists.
    public var result: String { root + "/result.json" }
    /// The control group's folder in the cgroup tree, if there is one.
    public var controlGroup: String { root + "/cgroup" }

    /// Requests of the daemon to the supervisor. A folder of its own, so that the supervisor is not
    /// woken by its own log.
    public var control: String { root + "/control" }
    /// A `Cancel` message.
    public var cancel: String { control + "/cancel" }
    /// The coordinator forgot the attempt: kill it at once, then delete everything.
    public var forget: String { control + "/forget" }

    /// A `ContactGap` that the log is to tell of.
    public var contactGap: String { control + "/gap" }

    /// The unpacked archive of the template.
    public var unpacked: String { root + "/work" }
    /// The template in it, where the build program runs.
    public var work: String { unpacked + inner }
    /// What leads from the archive to the template: empty, or it begins with a slash.
    var inner: String { templateFolder.map { "/" + $0 } ?? "" }
    /// Where a build program leaves its images.
    public var output: String { root + "/output" }
    /// `outdir` of Packer templates.
    public var packerOutput: String { ProgramFolders(self).packerOutput }
    public var temporary: String { root + "/tmp" }
    public var home: String { root + "/home" }
    /// Images that the coordinator can pull, by their file names.
    public var artifacts: String { root + "/artifacts" }
    public var baseImage: String { root + "/base" }
    /// Links with the names of QEMU, first in the build program's `PATH`.
    public var shim: String { root + "/shim" }
    /// Control sockets and serial consoles of the attempt's QEMUs.
    public var guests: String { root + "/guests" }
    /// Keys, seed and verdicts of a test attempt.
    public var tests: String { root + "/tests" }
    /// What stands for Packer in a build as by a Jenkins job.
    public var jenkinsPacker: String { root + "/opt-packer" }
    /// The values that the agent offers, and the recipe's own, which override them.
    public var packerOffers: String { root + "/offers.pkrvars.json" }
    public var packerVariables: String { root + "/variables.pkrvars.json" }

    /// Secrets that the coordinator sent; only the agent's user can read them.
    public var secrets: String { root + "/secrets" }
    public func secret(_ name: String) -> String { "\(secrets)/\(name)" }

    /// The resolver's configuration of isolated programs.
    public var resolver: String { root + "/resolv.conf" }
    /// Input of `ip`, and what the programs of the attempt's network print.
    public var routes: String { root + "/routes" }
    public var networkLog: String { root + "/network.log" }

    /// What is deleted as soon as the attempt has ended.
    public var scratch: [String] {
        [
            unpacked, output, temporary, home, baseImage, packerOffers, packerVariables, shim,
            guests, tests, secrets, resolver, routes, networkLog, jenkinsPacker,
        ]
    }
}
