//! AgentCore: the decisions of an agent as pure functions of values: what is logged, which timer
//! fires, what the output of a build program means, where files are, which requests are accepted.
//! No clock, randomness, task, file or socket: time and sizes are passed in as values.

/// Every bound of the agent, in one place, each with its reason.
public enum AgentLimits {
    /// Tail of a log whose middle is dropped: enough to show what led to a failure, even if the
    /// program dumps its environment after it. A supervisor holds it twice in memory.
    public static let logTailBytes = 1 << 20
    /// Room in a log for notices about its limit: one at each end of the gap, and one at doubling
    /// intervals in between, which are 15 in four days.
    public static let logNoticesBytes: Int64 = 4 << 10
    public static let logProgressMilliseconds: Int64 = 10_000
    /// One read from a build program; one write to the log follows it.
    public static let readBytes = 256 << 10
    /// One read and write of the gate: large, so that an image takes few system calls.
    public static let sendBytes = 1 << 20
    /// A machine-readable line of Packer. Guests print lines of a megabyte; longer ones are split.
    public static let packerLineBytes = 1 << 20
    /// Tail of a build's output that is searched for the reason of a failure.
    public static let tailTextBytes = 64 << 10
    /// Lines of the build that a reason quotes.
    public static let reasonLines = 20

    /// After SIGINT: Packer deletes its output folder and stops QEMU.
    public static let interruptGraceMilliseconds: Int64 = 5_000
    /// After SIGTERM, for programs that ignore SIGINT. Both together leave 3 of the promised 10 s
    /// for SIGKILL to take effect.
    public static let terminateGraceMilliseconds: Int64 = 2_000

    /// How long a supervisor may take to end its attempt after a cancel, and after the attempt's
    /// total time, in which it collects evidence of the guest; then the daemon kills it.
    public static let cancelMilliseconds: Int64 = 30_000
    public static let overdueMilliseconds: Int64 = 60_000
    /// How far the epoch of a coordinator may be ahead of the last one. A takeover takes the time
    /// in seconds, or the next number; one that is a century ahead is no coordinator's, and would
    /// lock out all later ones.
    public static let epochJump: Int64 = 1 << 32
    /// The highest epoch of the first coordinator that a host sees.
    public static let firstEpoch: Int64 = 1 << 40

    /// Longest sleep of a supervisor: how often it checks the disk during a silent build.
    public static let tickMilliseconds: Int64 = 1_000
    /// How long an unfinished line waits for its end before what there is of it is logged. The
    /// reader of a prompt notices nothing, and a progress bar makes three records a second.
    public static let partialLineMilliseconds: Int64 = 300
    /// How long a new daemon waits for the process id of a supervisor that has just started.
    public static let adoptMilliseconds: Int64 = 5_000
    /// How long a new daemon waits for the lock of one that was killed a moment ago.
    public static let daemonLockMilliseconds: Int64 = 3_000
    /// How long killing the processes of a lost attempt is retried.
    public static let killMilliseconds: Int64 = 10_000
    /// How often a supervisor reaps orphans: each zombie occupies a process id.
    public static let reapMilliseconds: Int64 = 10_000

    /// How long a silent guest is watched before it is judged; half of a shorter silence limit.
    public static let guestWindowMilliseconds: Int64 = 60_000
    /// Traffic of a guest that is only waiting: SSH keepalives, journal commits. A guest that
    /// works, however slowly, moves thousands of times as much.
    public static let idleGuestBytesPerSecond: Int64 = 1 << 10
    /// How many silence limits a build may last without output while its guest is active.
    public static let silencePeriods = 3
    /// Deadline of one query of the guests. QEMU answers within milliseconds, on a busy host within
    /// a second. A QEMU that does not answer delays the kill by two such queries.
    public static let guestQueryMilliseconds: Int64 = 4_000
    /// How often the supervisor polls for the result of a query.
    public static let guestPollMilliseconds: Int64 = 20
    /// A file with the exit of a QEMU: a keyword and a number.
    public static let qemuExitBytes = 32
    /// QEMUs of one attempt that are monitored: a build has one, virt-builder two.
    public static let guestsPerAttempt = 16
    /// A line on QEMU's control socket: `query-blockstats` takes 2 KiB per disk with its backing.
    public static let qmpLineBytes = 1 << 20
    /// Tail of a serial console that is kept on disk while the guest continues to print.
    public static let serialKeptBytes: Int64 = 1 << 20

    /// How long after a build program the shims may take to record how their QEMUs exited: the
    /// kernel frees the memory of a large guest first.
    public static let qemuRecordMilliseconds: Int64 = 2_000

    /// If QEMU had exited this long before Packer's first error, Packer did not end it.
    public static let qemuGoneMilliseconds: Int64 = 3_000

    /// Free space below which "No space left on device" is a fault of the host. Above it, the
    /// message comes from inside a guest.
    public static let fullDiskBytes: Int64 = 64 << 20
    /// Free space below which any failure is a fault of the host: few programs notice a short
    /// write, and fewer report it.
    public static let exhaustedDiskBytes: Int64 = 1 << 20
    /// Free space that an agent reserves for logs and results.
    public static let diskReserveBytes: Int64 = 256 << 20

    /// Ports of one attempt for SSH into the guest: Packer takes a range.
    public static let portsPerAttempt = 8
    /// VNC ports, the same for all attempts: Packer 1.6 counts QEMU's displays from `vnc_port_min`,
    /// QEMU from 5900, so no other minimum works. Packer picks one at random; the range is wide
    /// enough that two builds rarely collide.
    public static let vncPorts = 5_900..<6_900
    /// Below the kernel's ephemeral ports, above the usual services.
    public static let portRange = 20_000..<32_000

    /// Pause between two probes of a booting guest: booting takes seconds, and a probe is a
    /// process.
    public static let guestProbeMilliseconds: Int64 = 300
    /// How long a probe waits for the guest, by the time since it booted: a fast guest is noticed
    /// at once, and a slow one at most a tenth late.
    public static func probeMilliseconds(after milliseconds: Int64) -> Int64 {
        min(10_000, max(1_000, milliseconds / 10))
    }
    /// A key or a password file of a template.
    public static let testFileBytes = 64 << 10
    /// OVMF's variables: half a MiB today.
    public static let firmwareVariablesBytes = 8 << 20
    /// Tail of the output of QEMU and SSH that a reason quotes.
    public static let testOutputBytes = 4 << 10
    /// Added to the limits of a test case for making its overlay and collecting evidence.
    public static let testSlackSeconds = 120
    /// Ports that one case tries before a port race is a fault.
    public static let testPortTries = 3
    /// Within this time a QEMU that cannot bind its port reports that and exits.
    public static let testStartMilliseconds: Int64 = 10_000

    /// How long bubblewrap and the network of a sandbox may take to be ready: some 20 ms, on a busy
    /// host a hundred times as long.
    public static let isolationMilliseconds: Int64 = 20_000
    /// The host's resolv.conf.
    public static let resolverBytes = 64 << 10

    /// A file that the agent wrote and reads back: `start.json`, `result.json`. A result lists
    /// chunk digests: 64 GiB of images have 16,384 digests of 67 bytes.
    public static let stateFileBytes = 64 << 20
    /// How long a template is looked at. Packer needs a second; who submits a build waits for it.
    public static let checkSeconds = 15
    /// How long one waits for others before it.
    public static let checkTurnMilliseconds: Int64 = 8_000
    /// The address space of each program of a check: it runs beside the attempts, without their
    /// control group. Packer and its plugins take 1.3 GiB each, nearly all of it never used.
    public static let checkAddressBytes: Int64 = 4 << 30
    /// What its supervisor may take beyond that, to stop Packer.
    public static let checkSlackMilliseconds: Int32 = 10_000

    /// A list of remote images: as many as there may be, each with an id that is not cut.
    public static let remoteListBytes = 1 << 20
    /// A Packer template or variable file.
    public static let packerTemplateBytes = 4 << 20

    /// The environment of a program: the kernel's limit for arguments and environment together.
    public static let environmentBytes = 2 << 20
    /// A secret, such as a key file of a cloud: it becomes an environment variable.
    public static let secretFileBytes = 64 << 10
    /// A coordinator says something every 10 s.
    public static let silentContactMilliseconds: Int64 = 25_000

    /// Shorter secrets are refused: they could not be masked in a log without spoiling it.
    public static let secretBytes = 6
    /// Shorter ends of a secret's lines in base64 are not masked, for the same reason.
    public static let base64LineBytes = 8

    /// Files and folders of Packer's plugins that are looked at.
    public static let packerPluginEntries = 2048

    /// Tries to fetch a base image within an attempt, and the first pause, which then doubles.
    public static let fetchTries = 3
    public static let fetchPauseMilliseconds: Int64 = 1_000
    /// A transfer without a byte for this long is stalled; a shorter silence limit takes
    /// precedence.
    public static let fetchStallSeconds = 30
    public static let fetchConnectSeconds = 10
    /// How often progress is reported, and how often it is logged.
    public static let progressMilliseconds: Int64 = 1_000
    public static let progressLogMilliseconds: Int64 = 10_000
    /// How often an attempt checks whether another one has fetched the image that both need.
    public static let singleFlightMilliseconds: Int32 = 200
    /// Largest base image. The disk decides what fits; this stops an endless response.
    public static let baseImageBytes: Int64 = 1 << 40

    /// What an attempt gets beside the memory that it requires, or a quarter of that, if more: QEMU
    /// keeps up to 1 GiB of generated code without KVM, and Packer takes 0.1 GiB.
    public static let memoryBesidesBytes: Int64 = 5 << 28
    /// Processes and threads of an attempt. A build that compiles on 256 processors has 1,000; a
    /// fork bomb is stopped long before it takes the 32,768 process ids of a host.
    public static let attemptProcesses = 8_192
    /// The highest share of the processors: one for each that an attempt requires, as against 100
    /// for the agent, which must be able to stop it.
    public static let processorWeight = 100

    /// The longest path of a Unix socket (`sun_path`, without the zero at its end).
    public static let socketPathBytes = 107
    /// What Ansible and OpenSSH append to `HOME` for a connection: `/.ansible/cp/`, ten digits of a
    /// hash, and a dot and 16 characters until it is established.
    public static let controlSocketBytes = 40
    /// The longest path of a state folder with which such a socket fits if builds are not isolated;
    /// in a sandbox the state folder does not matter.
    public static let plainStateFolderBytes =
        socketPathBytes - controlSocketBytes - "/h/".utf8.count - shortNameBytes
    /// Of a folder of one attempt: 65,536 names for at most 1,024 attempts.
    public static let shortNameBytes = 4
    /// Random names that are tried once those of the token are taken.
    public static let shortNameTries = 64

    /// Files that are looked at to find a build's artifacts: the largest template, twice.
    public static let searchedFiles = 400_000

    /// Forgotten attempts that are remembered, so that a `start` that was in flight when the
    /// attempt was forgotten does not run it again.
    public static let forgottenTokens = 4096
    /// Concurrent connections: coordinators, and connections that a dead network still holds open.
    public static let connections = 64
    /// Template archives that are kept, the most recently used ones.
    public static let templates = 64
    /// Pause between two rounds of the janitor: no orphan may live longer than 60 s.
    public static let janitorSeconds = 20
    /// Temporary files older than this are stale: longer than any delivery of a template.
    public static let temporarySeconds: Int64 = 3_600
    /// A smaller change of free disk space is not reported.
    public static let notableDiskBytes: Int64 = 256 << 20
}
