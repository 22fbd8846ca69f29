/// The limits of the protocol and of the shared types, each with its reason.
public enum ProtocolLimits {
    /// Longest line on the wire. Large enough for a chunk of log, small enough that a hostile peer
    /// cannot make the other side buffer much.
    public static let lineBytes = 1 << 20

    /// Bytes of an attempt's log file that one `log` message carries. JSON escaping may double
    /// them, and the line must stay below `lineBytes`.
    public static let logChunkBytes = 256 << 10

    /// Longest text of one log record; a longer line is split into several records (`"more":true`).
    /// Six times as much (all `\u00XX`) still fits `logChunkBytes`.
    public static let logRecordTextBytes = 32 << 10

    /// Longest text before the magic line (login banners, `.bashrc` output) that is skipped.
    public static let preambleBytes = 64 << 10

    /// Names of guest OSes, hosts and files: leaves room for suffixes in a file name (255).
    public static let nameBytes = 128

    /// Attempts that a `hello` lists. An agent holds at most this many, running or unacknowledged.
    public static let attemptsPerHost = 1024

    /// Artifacts of one attempt, the image and its companion files.
    public static let artifactsPerAttempt = 64
    /// A cloud removes a machine in one to three minutes. Five minutes after a cancel request, the
    /// coordinator gives up a host that still has the attempt.
    public static let cleanupSeconds = 4 * 60
    /// What an attempt made elsewhere: several platforms, and what post-processors pushed.
    public static let remoteImages = 64
    /// Of one of them: an AMI takes some 40 bytes for each region.
    public static let remoteIDBytes = 4096

    /// Variables of one build, and bytes of one value.
    public static let variables = 256
    public static let variableValueBytes = 16 << 10
    /// Bytes of all values: they are sent in `start`, which is one line.
    public static let variablesBytes = 256 << 10

    /// Patterns, steps and files of variables of one build: arguments of one program.
    public static let packerArguments = 64

    /// Bytes of a reason or error message; longer ones are cut.
    public static let reasonBytes = 8 << 10

    /// Texts in one list of a message: notices, notes.
    public static let texts = 64

    /// A guest's screen as PNG. A text screen takes 3 KiB, a desktop 100; base64 adds a third, and
    /// the `finished` line must hold it with everything else.
    public static let screenshotBytes = 256 << 10

    /// The end of a guest's serial console, before bytes that are not UTF-8 are escaped.
    public static let serialTailBytes = 16 << 10

    /// Notes beside a guest's evidence.
    public static let evidenceNotes = 8

    /// Test cases of one build; each boots the image.
    public static let testCases = 64

    /// Bytes of the script of a registered test case, and of all such scripts of one build: they
    /// are sent in `start`, which is one line. Larger ones belong in the template.
    public static let testScriptBytes = 32 << 10
    public static let testScriptsBytes = 256 << 10

    /// To which the details of tests are cut if a report with whole ones does not fit a line.
    public static let testDetailBytes = 1 << 10

    /// Times that one test case may boot the image.
    public static let testBoots = 100

    /// Bytes of one chunk of an artifact, the unit of chunk digests and of resuming. Of large
    /// artifacts, see `chunkDigests`.
    public static let artifactChunkBytes = 4 << 20

    /// Chunk digests of all artifacts of an attempt, each of which takes 67 bytes of `finished`:
    /// half a line. Chunks of larger artifacts are larger, so that 32 GiB have chunks of 4 MiB and
    /// 1 TiB has chunks of 128 MiB.
    public static let chunkDigests = 8_192

    /// Digests in one list of `hello` or `host`: templates and base images on the host's disk. More
    /// are delivered, or fetched, again.
    public static let listedDigests = 2_048

    /// Largest template archive that is sent to a host. Base images are fetched by URL instead.
    /// Also the largest file of a plugin.
    public static let templateBytes: Int64 = 256 << 20

    /// Files of plugins that a coordinator hands out, and bytes of all of them: several versions of
    /// each plugin of a farm, for two platforms. The list is one line.
    public static let plugins = 256
    public static let pluginsBytes: Int64 = 16 << 30

    /// Files, folders and links of a template, and how deep folders may be nested: more than any
    /// template has, and soon counted.
    public static let templateEntries = 200_000
    public static let templateDepth = 64
}
