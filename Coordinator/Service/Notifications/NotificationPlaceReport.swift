public import CoordinatorCore

/// A place of coordinator.yml, for people.
public struct NotificationPlaceReport: Sendable, Hashable {
    public struct Problem: Sendable, Hashable {
        public var text: String
        public var atMilliseconds: Int64
    }

    public var rule: NotificationRule
    /// What has not been sent yet.
    public var waiting: Int
    public var sentMilliseconds: Int64?
    /// Why the last message was not sent, since this coordinator leads; `nil` if it was.
    public var problem: Problem?
    /// If something waits because of it.
    public var nextTryMilliseconds: Int64?
}

extension NotificationMessage {
    /// A message that is no news.
    static func test(
        of rule: NotificationRule, by actor: String, id: String
    ) -> NotificationMessage {
        let text = "This is a test of \(rule.name), asked for by \(rule.markup.escape(actor))."
        return NotificationMessage(title: "test of \(rule.name)", text: text, key: "test \(id)")
    }
}
