public import BuildProtocol

/// A remote image of a build, and whether it is to be there.
public struct RecordedImage: Sendable, Hashable {
    public var attempt: AttemptToken
    /// Among those of its attempt.
    public var position: Int
    public var build: String
    public var image: RemoteImage
    /// When it is removed, or its removal is tried again; `nil`: it is to be there, or is removed.
    public var removeMilliseconds: Int64?
    public var removedMilliseconds: Int64?
    /// To remove it, which failed.
    public var tries: Int
    /// Why the last of them failed.
    public var problem: String?

    public init(
        attempt: AttemptToken, position: Int, build: String, image: RemoteImage,
        removeMilliseconds: Int64? = nil, removedMilliseconds: Int64? = nil, tries: Int = 0,
        problem: String? = nil
    ) {
        self.attempt = attempt
        self.position = position
        self.build = build
        self.image = image
        self.removeMilliseconds = removeMilliseconds
        self.removedMilliseconds = removedMilliseconds
        self.tries = tries
        self.problem = problem
    }
}

public enum RemovalRules {
    /// Longer than a removal waits for its next try. A time beyond it was written by a clock that
    /// was wrong.
    public static let longestWaitMilliseconds: Int64 = 2 * 86_400_000

    static func isDue(_ image: RecordedImage, at now: Int64) -> Bool {
        image.removeMilliseconds.map { $0 <= now || $0 > now + longestWaitMilliseconds } ?? false
    }
}

extension BuildChange {
    /// The remote images of the attempt that the change ends. Those of one that did not pass are
    /// nobody's.
    public var recordedImages: [RecordedImage] {
        guard let owner, let end else { return [] }
        return end.remoteImages.enumerated().map { position, image in
            RecordedImage(
                attempt: owner, position: position, build: build, image: image,
                removeMilliseconds: end.outcome.passed ? nil : atMilliseconds)
        }
    }
}
