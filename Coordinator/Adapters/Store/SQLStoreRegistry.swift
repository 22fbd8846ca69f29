public import CoordinatorCore
import SQLKit

extension SQLStore {
    public func register(_ batch: RegistryBatch) async throws {
        let secrets = (batch.newEnvironments + batch.changedEnvironments).compactMap(\.secret)
        let sealer = try sealer(secrets.first)
        try await repeatable { transaction in
            try Self.fence(batch.epoch, transaction)
            for guestOS in batch.newGuestOSes { try Self.insert(guestOS, transaction) }
            for guestOS in batch.changedGuestOSes {
                // A count of changed rows would be 0 where nothing differs any more.
                let known = try transaction.query(
                    "SELECT id FROM guestos WHERE id = ?", [.text(guestOS.id)])
                guard !known.isEmpty else {
                    throw StoreError.notFound(what: "guest OS", name: guestOS.name)
                }
                try transaction.execute(
                    Self.updateGuestOS, try Self.changeable(guestOS) + [.text(guestOS.id)])
            }
            for entry in batch.newEnvironments {
                try Self.insert(entry.environment, entry.secret, sealer, transaction)
            }
            for entry in batch.changedEnvironments {
                try Self.change(entry.environment, entry.secret, sealer, transaction)
            }
            for test in batch.newTestCases {
                let known = try transaction.query(
                    "SELECT id FROM testcases WHERE id = ?", [.text(test.id)])
                guard known.isEmpty else { continue }
                try transaction.execute(
                    "INSERT INTO testcases (id, name, os_type) VALUES (?, ?, ?)",
                    [.text(test.id), .text(test.name), .text(test.osType.rawValue)])
            }
        }
    }

    private static func insert(
        _ guestOS: GuestOS, _ transaction: borrowing SQLTransaction
    ) throws {
        let known = try transaction.query(
            "SELECT id FROM guestos WHERE name = ?", [.text(guestOS.name)])
        let taken = StoreError.exists(what: "guest OS", name: guestOS.name)
        if let row = known.first {
            // This transaction, run again after its answer was lost, finds its own row.
            guard try row.text("id") == guestOS.id else { throw taken }
            return
        }
        do {
            try transaction.execute(insertGuestOS, try insertValues(guestOS))
        } catch let error as SQLError where error.code == .constraintUnique {
            throw taken
        }
    }
}
