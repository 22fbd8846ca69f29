public import ErrorKit

/// Reads notifications that have to be sent.
public protocol NotificationReader: Sendable {
    /// What a place has not been sent yet, oldest first.
    func waitingNotifications(to place: String, limit: Int) async throws -> [OwedNotification]
    /// Of every place that has something, by name; also of places that are no more.
    func notificationCounts() async throws -> [NotificationCount]
}

/// Writes them. Every method throws `StoreError.deposed` once another epoch leads.
public protocol NotificationWriter: Sendable {
    /// Stores what has to be sent. An event that its place has already is left alone, also if it
    /// was sent.
    func add(_ notifications: [OwedNotification]) async throws
    /// - Parameter sentMilliseconds: when they were sent; `nil` if they are given up.
    func settle(_ ids: [Int], sentMilliseconds: Int64?) async throws
    /// Gives up what still waits and is of before this time, at most `limit`.
    /// - Returns: how many were given up.
    func giveUpNotifications(before milliseconds: Int64, limit: Int) async throws -> Int
    /// Removes what no longer waits and is of before this time, at most `limit`.
    /// - Returns: how many were removed.
    func removeNotifications(before milliseconds: Int64, limit: Int) async throws -> Int
}

/// Sends messages to places.
public protocol NotificationSender: Sendable {
    /// Returns soon after its task is cancelled.
    /// - Throws: `NotificationFault`
    func send(_ message: NotificationMessage, to place: String) async throws
}

/// Without the address of a chat, which is a secret.
public typealias NotificationFault = CodedError<NotificationFaultCode>

public enum NotificationFaultCode: UsualFailureCode {
    /// The place refuses the message, and would again.
    case usual
    /// The place cannot be reached, is busy, or refuses everything.
    case unavailable

    public var isPermanent: Bool { self == .usual }
}
