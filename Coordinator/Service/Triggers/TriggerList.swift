import CoordinatorCore

/// The guest OSes that may be built, with what is stored of their triggers.
struct TriggerList {
    let ports: Ports

    /// - Throws: `StoreError`
    func read() async throws -> [(GuestOS, TriggerState?)] {
        let states = try await StorePage.all {
            try await ports.store.triggerStates(after: $0, limit: ports.limits.pageRows)
        }
        let known = Dictionary(states.map { ($0.guestOSID, $0) }) { $1 }
        var list: [(GuestOS, TriggerState?)] = []
        try await ports.eachGuestOS { guestOS in
            if !guestOS.isRetired && guestOS.template != .missing {
                list.append((guestOS, known[guestOS.id]))
            }
        }
        return list
    }
}
