//! DockerKit: a client of Docker engines (Engine API, TLS with client certificates) and registries
//! (OCI distribution). Replaces a container by one of another image, with a rollback on failure,
//! and writes a disk image as the only layer of a container image. Does not know where images come
//! from, and keeps no state: what must survive a crash is passed to the caller first.

/// Every bound of DockerKit, in one place, each with its reason.
public enum DockerLimits {
    /// The version of the Engine API: that of Docker 20.10, as in Debian 12 and RHEL 8.
    static let engineAPI = APIVersion(major: 1, minor: 41)

    /// Largest response of an engine or registry that is read into memory. A list of ten thousand
    /// containers takes about 20 MB.
    static let answerBytes = 32 << 20

    /// Longest line of a pull's progress, which has the state of one layer or one error.
    static let progressLineBytes = 1 << 20

    /// Longest silence of a pull: an engine that unpacks a layer of many gigabytes to a slow disk
    /// reports rarely.
    static let pullSilenceSeconds: Double = 600

    /// Timeout of a plain request, in addition to the grace period of `stop`.
    static let callSeconds: Double = 60

    /// Grace period of a container before the engine kills it; Docker's default.
    public static let stopSeconds = 10

    /// Tail of a failed container's log that is kept, in lines and bytes.
    static let logLines = 20
    static let logBytes = 8 << 10

    /// Pause between two checks of a container's health.
    static let healthPauseMilliseconds = 250

    /// Largest manifest or configuration that is read, as in the distribution specification.
    static let manifestBytes = 4 << 20

    /// Longest silence of an upload: a registry on object storage answers only after it has copied
    /// all bytes.
    static let uploadSilenceSeconds: Double = 300

    /// Tries of an upload without any progress.
    static let uploadTriesWithoutProgress = 4

    /// Bytes that are read at once while a file is hashed.
    static let pieceBytes = 1 << 20

    /// Redirects of a request for an object: to its storage, perhaps over one more server.
    static let redirects = 3

    /// Pages of a list of tags: more means a registry that answers in a circle.
    static let tagPages = 1000

    /// Part of a server's message that an error quotes.
    static let quotedBytes = 500
}
