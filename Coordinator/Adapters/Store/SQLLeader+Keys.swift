import CoordinatorCore
import Support

extension SQLLeader {
    func rotate(isNew: Bool) async throws -> KeyRotation {
        // A coordinator that was deposed makes no key.
        try await write { _ in }
        guard let keys = isNew ? try vault.requiredKeys() : vault.keys else {
            return KeyRotation()
        }
        let found = try await findings(keys)
        if isNew, found.known == 0, !found.strange.isEmpty {
            throw StoreError(
                .unusable,
                "the key of this coordinator has sealed none of the \(found.strange.count) stored "
                    + "secrets: put the right one into secret_key_file first; nothing was changed")
        }
        do {
            try await OwnThread.run { try isNew ? keys.begin() : keys.reload() }
        } catch {
            throw StoreError(.unavailable, "the key cannot be changed", cause: error)
        }
        var rotation = KeyRotation()
        let older = keys.older
        guard !older.isEmpty || found.regained > 0 else {
            rotation.unreadable = found.unreadable
            return rotation
        }
        // What was sealed with an older key is committed after this: those writes hold a fence.
        try await write { try FenceTable.waitForOthers($0) }
        for resealing in Resealing.all(keys) {
            var after: String? = ""
            while let start = after {
                // Both keys open until the next leader goes on.
                try Task.checkCancellation()
                let page = try await write { try resealing.page(after: start, $0) }
                rotation.resealed += page.resealed
                rotation.unreadable += page.unreadable
                after = page.last
            }
        }
        // Nobody else has sealed with an older key meanwhile: only the leader writes, and it is
        // still this one.
        try await write { _ in }
        do { try await OwnThread.run { try keys.drop(older) } } catch {
            rotation.problem = "the older key is still in its file: \(error)"
        }
        return rotation
    }

    private func findings(_ keys: SealingKeys) async throws -> Resealing.Findings {
        try await write { transaction in
            try Resealing.all(keys).reduce(Resealing.Findings()) {
                try $0 + $1.findings(transaction)
            }
        }
    }
}
