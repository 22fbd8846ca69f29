import BuildProtocol
import TextKit

/// What requesters are sent: what became of a request, or the newest state of its build.
public struct BuildAnswer: Sendable, Hashable, Encodable {
    public struct Image: Sendable, Hashable, Encodable {
        public var name, url, format, sha256: String
        public var sizeBytes: Int64
    }

    /// Of the request.
    public var id: String
    /// That of the build, or `refused`.
    public var state: String
    public var guestOS: String?
    /// `debian12:8`
    public var build, buildID: String?
    /// The page of the build.
    public var url: String?
    /// Why it failed, was cancelled or refused.
    public var reason: String?
    /// Of a build that passed.
    public var image: Image?
    /// `2026-11-29T10:00:00Z`
    public var at: String

    /// Tells answers apart: one that is sent again has the same id.
    public var messageID: String { "\(buildID ?? (id.isEmpty ? key : id)) \(state)" }
    /// Of the delivery of a request that has no id; not sent.
    private var key = ""

    private enum CodingKeys: CodingKey {
        case id, state, guestOS, build, buildID, url, reason, image, at
    }

    /// - Parameter pages: the address of the web pages.
    public init(_ build: Build, to id: String, pages: String?, atMilliseconds now: Int64) {
        self.id = id
        state = build.state.rawValue
        guestOS = build.guestOS
        self.build = "\(build.guestOS):\(build.number)"
        buildID = build.id
        url = pages.map { "\($0)/builds/\(build.id)" }
        reason = build.fault?.reason
        image =
            build.state == .passed
            ? build.image.map {
                Image(
                    name: $0.name, url: $0.url, format: $0.format.rawValue, sha256: $0.sha256,
                    sizeBytes: $0.sizeBytes)
            } : nil
        at = UTCTime(unixMilliseconds: build.endedMilliseconds ?? now).rfc3339
    }

    /// Of a request that is refused for good.
    /// - Parameter key: of its delivery, for one without an id.
    public init(
        refused id: String, guestOS: String?, _ reason: String, key: String = "",
        atMilliseconds now: Int64
    ) {
        self.id = id
        self.key = key
        state = "refused"
        self.guestOS = guestOS
        self.reason = reason
        at = UTCTime(unixMilliseconds: now).rfc3339
    }
}
