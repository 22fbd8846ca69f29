/// A notification on its way to a place.
public struct OwedNotification: Sendable, Hashable {
    /// Assigned by the store.
    public var id: Int
    public var place: String
    public var notification: Notification

    public init(id: Int = 0, place: String, notification: Notification) {
        self.id = id
        self.place = place
        self.notification = notification
    }
}

/// What a place has in the store.
public struct NotificationCount: Sendable, Hashable {
    public var place: String
    /// What has not been sent yet.
    public var waiting = 0
    /// When something was last sent, of what is still kept.
    public var sentMilliseconds: Int64?

    public init(place: String, waiting: Int = 0, sentMilliseconds: Int64? = nil) {
        self.place = place
        self.waiting = waiting
        self.sentMilliseconds = sentMilliseconds
    }
}
