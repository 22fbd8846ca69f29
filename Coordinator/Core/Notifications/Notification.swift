public import BuildProtocol
import TextKit

/// Something that people want to be told, besides those who watch.
public struct Notification: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// A build failed, and the one before it had passed, or was the first.
        case failed
        /// A build failed, and so had the one before it.
        case stillFailing = "still_failing"
        /// A build passed, and the one before it had failed.
        case fixed
        case passed
        case released
        case releaseFailed = "release_failed"

        /// For people: `still failing`.
        public var words: String { rawValue.replacing("_", with: " ") }
    }

    /// The same whenever the same event is noted again.
    public var id: String
    public var kind: Kind
    public var guestOS: String
    /// `debian12:8`
    public var build: String
    public var owner: String
    /// Of a release.
    public var environment: String?
    /// The first error, if something failed.
    public var reason: String?
    /// What else failed like it.
    public var seen: String?
    /// The page of the build.
    public var url: String?
    @Bounded<UnixTimeBound> public var atMilliseconds: Int64

    public init(
        id: String, _ kind: Kind, guestOS: String, build: String, owner: String,
        environment: String? = nil, reason: String? = nil, url: String? = nil,
        atMilliseconds: Int64
    ) {
        self.id = id
        self.kind = kind
        self.guestOS = guestOS
        self.build = build
        self.owner = owner
        self.environment = environment
        self.reason = reason
        self.url = url
        self.atMilliseconds = atMilliseconds
    }

    /// What the end of a build says.
    /// - Parameter before: how the build before it ended, of those that are published or would be.
    /// - Returns: `nil` if it has not ended, or was cancelled.
    public init?(ended build: Build, before: BuildState?, pages: String?) {
        let kind: Kind
        switch (build.state, before) {
        case (.passed, .failed?): kind = .fixed
        case (.passed, _): kind = .passed
        case (.failed, .failed?): kind = .stillFailing
        case (.failed, _): kind = .failed
        default: return nil
        }
        self.init(
            id: "build \(build.id)", kind, guestOS: build.guestOS,
            build: "\(build.guestOS):\(build.number)",
            owner: build.owner, reason: build.fault.map { Self.line($0.reason) },
            url: pages.map { "\($0)/builds/\(build.id)" },
            atMilliseconds: build.endedMilliseconds ?? 0)
    }

    /// What the end of a release says.
    /// - Returns: `nil` if it has not ended, or nobody wanted it any more.
    public init?(ended release: Release, owner: String, pages: String?) {
        let kind: Kind
        switch release.state {
        case .released: kind = .released
        case .failed: kind = .releaseFailed
        default: return nil
        }
        self.init(
            id: "release \(release.id)", kind, guestOS: release.guestOS,
            build: "\(release.guestOS):\(release.buildNumber)", owner: owner,
            environment: release.environment,
            reason: kind == .releaseFailed ? release.fault.map { Self.line($0.description) } : nil,
            url: pages.map { "\($0)/builds/\(release.build)" },
            atMilliseconds: release.endedMilliseconds ?? 0)
    }

    /// Chats and subjects of mails show one line.
    private static let reasonBytes = 300

    private static func line(_ text: String) -> String {
        Headline.of(text).visible.prefixOfUTF8(reasonBytes)
    }

    /// `debian12:8 failed: E: Unable to locate package foo`
    public var text: String {
        let what =
            switch kind {
            case .failed: "\(build) failed"
            case .stillFailing: "\(build) failed again"
            case .fixed: "\(build) passed: fixed"
            case .passed: "\(build) passed"
            case .released: "\(build) was released to \(environment ?? "")"
            case .releaseFailed: "the release of \(build) to \(environment ?? "") failed"
            }
        return what + (reason.map { ": \($0)" } ?? "") + (seen.map { " (\($0))" } ?? "")
    }

    /// The same with its texts escaped, but for the link, which this coordinator made.
    func escaped(_ markup: NotificationMarkup) -> Notification {
        var escaped = self
        escaped.guestOS = markup.escape(guestOS)
        escaped.build = markup.escape(build)
        escaped.owner = markup.escape(owner)
        escaped.environment = environment.map(markup.escape)
        escaped.reason = reason.map(markup.escape)
        escaped.seen = seen.map(markup.escape)
        return escaped
    }
}

/// How a place shows text. Names and errors come from templates and programs: they must not call
/// people, hide links or change how the rest is shown.
public enum NotificationMarkup: Sendable, Hashable, CaseIterable {
    /// Mails and webhooks: shown as it is.
    case plain
    /// Chats that show text as it is, and may take an `@` for a person: DingTalk, WeCom, Teams.
    case chat
    /// Slack's own.
    case slack
    /// Mattermost, Rocket.Chat.
    case markdown

    private static let special: Set<Unicode.Scalar> = [
        "\\", "`", "*", "_", "[", "]", "#", "~", "|", "!",
    ]

    public func escape(_ text: String) -> String {
        if self == .plain { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch (self, scalar) {
            // No name follows the sign any more, and nobody sees the difference.
            case (_, "@"): escaped += "@\u{200B}"
            case (.chat, _): escaped.unicodeScalars.append(scalar)
            case (_, "&"): escaped += "&amp;"
            case (_, "<"): escaped += "&lt;"
            case (_, ">"): escaped += "&gt;"
            // It has no other escape, and three would swallow the lines that follow.
            case (.slack, "`"): escaped += "'"
            case (.markdown, let mark) where Self.special.contains(mark):
                escaped += "\\\(mark)"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
