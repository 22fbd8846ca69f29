//! AgentCore: the decisions of an agent as pure functions of values: what is logged, which timer
//! fires, what a build program's words mean, where files lie, what is let in. No clock, randomness,
//! task, file or socket: time and sizes come in as values.

/// Every bound of the agent, in one place, each with its reason.
public enum AgentLimits {
    /// Log kept from the end when the middle is dropped: what led to a failure, also where the
    /// program prints its whole environment after it. A supervisor holds it twice in memory.
    public static let logTailBytes = 1 << 20
    /// Room in a log for the words about its limit: one at its start, one at its end, and one each
    /// time twice as much time has passed, from the first pause on: 15 of them in four days.
    public static let logNoticesBytes: Int64 = 4 << 10
    public static let logProgressMilliseconds: Int64 = 10_000
    /// One read from a build program; one write to the log follows it.
    public static let readBytes = 256 << 10
    /// One read and write of the gate: few system calls for whole images.
    public static let sendBytes = 1 << 20
    /// A machine-readable line of Packer. Guests print megabyte lines; longer ones are cut.
    public static let packerLineBytes = 1 << 20
    /// The end of a build's output that is searched for the reason of a failure.
    public static let tailTextBytes = 64 << 10
    /// Lines of the build that a reason quotes.
    public static let reasonLines = 20

    /// After SIGINT: Packer deletes its output folder and stops QEMU.
    public static let interruptGraceMilliseconds: Int64 = 5_000
    /// After SIGTERM: programs that do not know SIGINT. Both together leave 3 of the promised 10 s
    /// for SIGKILL to take effect.
    public static let terminateGraceMilliseconds: Int64 = 2_000

    /// Longest sleep of a supervisor: how often it looks at the disk of a silent build.
    public static let tickMilliseconds: Int64 = 1_000
    /// How long a new daemon waits for the process id of a supervisor that has only just begun.
    public static let adoptMilliseconds: Int64 = 5_000
    /// How long a new daemon waits for the lock of one that was killed a moment ago.
    public static let daemonLockMilliseconds: Int64 = 3_000
    /// How long processes of a lost attempt are killed again and again.
    public static let killMilliseconds: Int64 = 10_000
    /// How often a supervisor looks for ended orphans: they hold a process number each.
    public static let reapMilliseconds: Int64 = 10_000

    /// How long a silent guest is watched before it is judged; a short limit is halved for it.
    public static let guestWindowMilliseconds: Int64 = 60_000
    /// What a guest moves that waits for something: keepalives of SSH, the commit of a journal. One
    /// that works, however slowly, moves thousands of times as much.
    public static let idleGuestBytesPerSecond: Int64 = 1 << 10
    /// How often the silence limit may pass over a guest that works.
    public static let silencePeriods = 3
    /// One look at the guests' counters, one taking of evidence: QEMU answers within milliseconds,
    /// on a busy host within a second. A QEMU that answers nothing delays the kill by two of them.
    public static let guestQueryMilliseconds: Int64 = 4_000
    /// How often the supervisor looks whether the answer is there.
    public static let guestPollMilliseconds: Int64 = 20
    /// A file that says how a QEMU ended: a word and a number.
    public static let qemuExitBytes = 32
    /// QEMUs of one attempt that are asked: a build has one, virt-builder two.
    public static let guestsPerAttempt = 16
    /// A line of QEMU's control socket: `query-blockstats` has 2 KiB for a disk and its backing.
    public static let qmpLineBytes = 1 << 20
    /// The end of a serial console that stays on the disk while the guest prints on.
    public static let serialKeptBytes: Int64 = 1 << 20

    /// QEMU gone for so long before Packer's first word of an error was not ended by Packer.
    public static let qemuGoneMilliseconds: Int64 = 3_000

    /// Free room below which a failure with "No space left on device" is the host's: above it, the
    /// words come from inside a guest.
    public static let fullDiskBytes: Int64 = 64 << 20
    /// Free room below which any failure is the host's: a short write is an error to few programs,
    /// and fewer say which.
    public static let exhaustedDiskBytes: Int64 = 1 << 20
    /// Free room that an agent keeps for logs and results.
    public static let diskReserveBytes: Int64 = 256 << 20

    /// Ports of one attempt for SSH into the guest; Packer wants a range.
    public static let portsPerAttempt = 8
    /// Ports for VNC, the same for all attempts: Packer 1.6 counts QEMU's displays from
    /// `vnc_port_min`, QEMU from 5900, so no other minimum works. Packer picks one at random; the
    /// range is wide enough that two builds at the same moment hardly meet.
    public static let vncPorts = 5_900..<6_900
    /// Below the range the kernel takes client ports from, above the usual services.
    public static let portRange = 20_000..<32_000

    /// Between two tries to reach a guest that boots: it takes seconds, and a try costs a process.
    public static let guestProbeMilliseconds: Int64 = 300
    /// How long a guest may take for its first word once it has booted for so long: a fast one is
    /// not kept waiting, and a slow one is a tenth late at most.
    public static func probeMilliseconds(after milliseconds: Int64) -> Int64 {
        min(10_000, max(1_000, milliseconds / 10))
    }
    /// A key or a password file of a template.
    public static let testFileBytes = 64 << 10
    /// OVMF's variables: half a MiB, and room for those of a later day.
    public static let firmwareVariablesBytes = 8 << 20
    /// The end of what QEMU and SSH said that a reason quotes.
    public static let testOutputBytes = 4 << 10
    /// Beside the limits of a test case: making its overlay, collecting evidence.
    public static let testSlackSeconds = 120
    /// Ports that one case tries before another program's taking them is a fault.
    public static let testPortTries = 3
    /// A QEMU that cannot have its port says so within this time, and ends.
    public static let testStartMilliseconds: Int64 = 10_000

    /// Files that an unpacked template may hold, and an output folder may be searched for.
    public static let treeEntries = 200_000
    public static let treeDepth = 64

    /// A file the agent wrote itself and reads back: `start.json`, `result.json`. A result lists
    /// chunk digests: 64 GiB of images are 16,384 digests of 67 bytes.
    public static let stateFileBytes = 64 << 20
    /// A Packer template or variable file.
    public static let packerTemplateBytes = 4 << 20
    /// Strings within interpolations within strings of an HCL2 template: people write two.
    public static let hclDepth = 32

    /// Tries of one base image within an attempt, and the pause before each next one.
    public static let fetchTries = 3
    public static let fetchPauseMilliseconds: Int64 = 1_000
    /// A transfer without a byte for so long is stalled; a shorter silence limit of the build wins.
    public static let fetchStallSeconds = 30
    public static let fetchConnectSeconds = 10
    /// How often progress is shown, and how often it is worth a line in the log.
    public static let progressMilliseconds: Int64 = 1_000
    public static let progressLogMilliseconds: Int64 = 10_000
    /// How often an attempt looks whether another one has fetched the image that both want.
    public static let singleFlightMilliseconds: Int32 = 200
    /// Largest base image: what fits is decided by the disk; this stops an endless answer.
    public static let baseImageBytes: Int64 = 1 << 40

    /// Tokens of forgotten attempts that are remembered, so that a `start` that was on its way when
    /// the attempt was forgotten does not run it again.
    public static let forgottenTokens = 4096
    /// Connections at once: coordinators, and those that a dead network still holds open.
    public static let connections = 64
    /// Template archives kept after their last use.
    public static let templates = 64
    /// Pause between two rounds of the janitor; orphans may live 60 s.
    public static let janitorSeconds = 20
    /// Temporary files older than this belong to nobody: the longest delivery of a template.
    public static let temporarySeconds: Int64 = 3_600
    /// A change of free disk smaller than this is not worth a report.
    public static let notableDiskBytes: Int64 = 256 << 20
}
