//! DockerKit: talks to Docker engines (Engine API, TLS with client certificates) and to registries
//! (OCI distribution), replaces a container by one of another image so that a failure puts the old
//! one back, and writes a disk image as the one layer of a container image. Knows nothing of where
//! images come from, and keeps no state: what must outlive a crash is given to the caller first.

/// Every bound of DockerKit, in one place, each with its reason.
public enum DockerLimits {
    /// The Engine API that this kit speaks: Docker 20.10, what Debian 12 and RHEL 8 have.
    static let engineAPI = APIVersion(major: 1, minor: 41)

    /// Longest answer of an engine or registry that is read into previous. A list of ten thousand
    /// containers has about 20 MB.
    static let answerBytes = 32 << 20

    /// Longest line of a pull's progress, which holds one layer's state or one error.
    static let progressLineBytes = 1 << 20

    /// Longest silence of a pull: an engine that unpacks a layer of many gigabytes on a slow disk
    /// reports rarely.
    static let pullSilenceSeconds: Double = 600

    /// Longest wait for an answer to a plain call. `stop` comes on top of it.
    static let callSeconds: Double = 60

    /// Seconds that a container has to end by itself before the engine kills it; Docker's own.
    public static let stopSeconds = 10

    /// Lines and bytes that are kept of what a container said before it failed.
    static let logLines = 20
    static let logBytes = 8 << 10

    /// Pause between two looks at a container's health.
    static let healthPauseMilliseconds = 250

    /// Largest manifest or configuration that is read: the distribution specification's own bound.
    static let manifestBytes = 4 << 20

    /// Longest silence of an upload: a registry on object storage answers the last byte after it
    /// has copied all of the others.
    static let uploadSilenceSeconds: Double = 300

    /// Tries of an upload in which not one byte came further.
    static let uploadTriesWithoutProgress = 4

    /// Bytes of a file that are read at once while it is digested.
    static let pieceBytes = 1 << 20

    /// Pages of a list of tags: more is a registry that answers in a circle.
    static let tagPages = 1000

    /// Words of a server that an error repeats.
    static let quotedBytes = 500
}
