/// Every bound of the wire and of the shared words, in one place, each with its reason.
public enum ProtocolLimits {
    /// Longest line on the wire. Large enough for a piece of log, small enough that a hostile peer
    /// cannot make the other side hold much.
    public static let lineBytes = 1 << 20

    /// Bytes of an attempt's log file that one `log` message carries. JSON escaping may double
    /// them, and the line must stay below `lineBytes`.
    public static let logChunkBytes = 256 << 10

    /// Longest message text in one log record; a longer line of the guest is cut into several
    /// records (`"more":true`). Six times as much (all `\u00XX`) still fits `logChunkBytes`.
    public static let logRecordTextBytes = 32 << 10

    /// Longest text before the magic line (login banners, `.bashrc` output) that is skipped.
    public static let preambleBytes = 64 << 10

    /// Names of guest OSes, hosts and files: what a file system (255) leaves after suffixes.
    public static let nameBytes = 128

    /// Attempts that a `hello` lists. An agent holds at most this many, running or unacknowledged.
    public static let attemptsPerHost = 1024

    /// Artifacts of one attempt, the image and its companions.
    public static let artifactsPerAttempt = 64

    /// Variables of one build, and bytes of one value.
    public static let variables = 256
    public static let variableValueBytes = 16 << 10

    /// Bytes of a reason or error sentence; longer ones are cut.
    public static let reasonBytes = 8 << 10

    /// A guest's screen as PNG. A text screen has 3 KiB, a desktop 100; base64 makes it a third
    /// larger, and the `finished` line must hold it with all the rest.
    public static let screenshotBytes = 256 << 10

    /// The end of a guest's serial console, before bytes that are no UTF-8 are made visible.
    public static let serialTailBytes = 16 << 10

    /// Notes beside a guest's evidence.
    public static let evidenceNotes = 8

    /// Test cases of one build; each boots the image.
    public static let testCases = 64

    /// Bytes of the script of a test case that is registered at the coordinator, and of all of one
    /// build: they travel in `start`, which is one line. Larger ones go into the template.
    public static let testScriptBytes = 32 << 10
    public static let testScriptsBytes = 256 << 10

    /// Times that one test case may boot the image.
    public static let testBoots = 100

    /// Bytes of one chunk of an artifact, the unit of chunk digests and of resuming.
    public static let artifactChunkBytes = 4 << 20

    /// Largest template archive that travels to a host. Base images are fetched by URL instead.
    public static let templateBytes: Int64 = 256 << 20
}
