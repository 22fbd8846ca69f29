import BuildProtocol
import TextKit

/// What one place is told: an entry of `notifications` in coordinator.yml.
public struct NotificationRule: Sendable, Hashable {
    /// The name of the place.
    public var name: String
    /// For people: `slack`.
    public var type: String
    public var kinds: Set<Notification.Kind>
    /// Patterns of names.
    public var guestOSes: [String]
    /// The same of the environments of releases. Builds have none.
    public var environments: [String]
    /// `nil`: `Notification.text` and the link.
    public var template: MessageTemplate?
    public var markup: NotificationMarkup
    /// Longest text that the place shows.
    public var textBytes: Int

    public static let usualKinds: Set<Notification.Kind> = [
        .failed, .stillFailing, .fixed, .releaseFailed,
    ]
    /// Less than every place but WeCom allows: Mattermost 16,383 characters, Teams 28 KB with the
    /// form around it.
    public static let usualTextBytes = 15_000

    public init(
        name: String, type: String = "", kinds: Set<Notification.Kind> = usualKinds,
        guestOSes: [String] = ["*"], environments: [String] = ["*"],
        template: MessageTemplate? = nil, markup: NotificationMarkup = .plain,
        textBytes: Int = usualTextBytes
    ) {
        self.name = name
        self.type = type
        self.kinds = kinds
        self.guestOSes = guestOSes
        self.environments = environments
        self.template = template
        self.markup = markup
        self.textBytes = textBytes
    }

    public func wants(_ notification: Notification) -> Bool {
        kinds.contains(notification.kind) && Self.matches(guestOSes, notification.guestOS)
            && (notification.environment.map { Self.matches(environments, $0) } ?? true)
    }

    private static func matches(_ patterns: [String], _ name: String) -> Bool {
        patterns.contains { Wildcards.matches(Wildcards.parts(of: $0), name) }
    }

    /// What is sent for one notification.
    private func text(_ notification: Notification) -> String {
        let shown = notification.escaped(markup)
        return template?.text(shown) ?? shown.text + (shown.url.map { " \($0)" } ?? "")
    }

    /// Of a digest, which names at most this many.
    private static let digestLines = 20
    /// Room for the last line of a digest: `and 12345 more`.
    private static let restBytes = 30

    /// What is sent for several at once.
    public func message(_ notifications: [Notification]) -> NotificationMessage {
        if notifications.count == 1, let only = notifications.first {
            return NotificationMessage(
                title: only.text, text: text(only).prefixOfUTF8(textBytes),
                notifications: notifications)
        }
        let title = Self.title(notifications)
        var text = title + ":"
        var shown = 0
        for notification in notifications.prefix(Self.digestLines) {
            let line = "\n" + self.text(notification)
            if text.utf8.count + line.utf8.count + Self.restBytes > textBytes { break }
            text += line
            shown += 1
        }
        if shown < notifications.count { text += "\nand \(notifications.count - shown) more" }
        return NotificationMessage(title: title, text: text, notifications: notifications)
    }

    /// `24 failed, 1 fixed`
    private static func title(_ notifications: [Notification]) -> String {
        Notification.Kind.allCases.compactMap { kind -> String? in
            let count = notifications.count { $0.kind == kind }
            return count == 0 ? nil : "\(count) \(kind.words)"
        }.joined(separator: ", ")
    }
}

/// What is sent to one place.
public struct NotificationMessage: Sendable, Hashable {
    /// One line, without markup.
    public var title: String
    /// In the markup of the place.
    public var text: String
    public var notifications: [Notification]
    /// The same for the same events, so that a place that is told them again can know.
    public var key: String

    public init(title: String, text: String, notifications: [Notification]) {
        self.title = title
        self.text = text
        self.notifications = notifications
        key = notifications.map(\.id).joined(separator: "\n")
    }

    /// - Parameter key: of a message that is about no event.
    public init(title: String, text: String, key: String) {
        self.title = title
        self.text = text
        notifications = []
        self.key = key
    }
}
