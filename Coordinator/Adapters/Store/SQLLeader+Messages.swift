import CoordinatorCore
import SQLKit

/// What the leader receives, owes and sends.
extension SQLLeader {
    // MARK: Deliveries

    func update(_ delivery: Delivery, from states: Set<Delivery.State>) async throws -> Bool {
        try await write(.runsAgain) {
            try DeliveryTable.update(delivery, from: states, $0)
        } recording: { isUpdated in
            isUpdated ? entries : []
        }
    }

    func removeDeliveries(
        before milliseconds: Int64, keep: Int, limit: Int
    ) async throws -> Int {
        try await write {
            try DeliveryTable.remove(before: milliseconds, keep: keep, limit: limit, $0)
        }
    }

    // MARK: Statuses of commits

    func oweStatus(ofBuild id: String) async throws {
        try await write { try StatusTable.owe(id, $0) }
    }

    func postpone(_ status: StatusObligation) async throws {
        try await write { try StatusTable.postpone(status, $0) }
    }

    func settle(_ status: StatusObligation) async throws {
        try await write { try StatusTable.settle(status, $0) }
    }

    func save(_ state: TriggerState) async throws -> TriggerState? {
        try await step { try TriggerTable.save(state, $0) }
    }

    func record(_ removal: RecordedImage) async throws {
        try await write { try RemoteImageTable.record(removal, $0) }
    }

    // MARK: Notifications

    func add(_ notifications: [OwedNotification]) async throws {
        try await write { try NotificationTable.add(notifications, $0) }
    }

    func settle(_ ids: [Int], sentMilliseconds: Int64?) async throws {
        try await write { try NotificationTable.settle(ids, sent: sentMilliseconds, $0) }
    }

    func giveUpNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { try NotificationTable.giveUp(before: milliseconds, limit: limit, $0) }
    }

    func removeNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { try NotificationTable.remove(before: milliseconds, limit: limit, $0) }
    }
}
