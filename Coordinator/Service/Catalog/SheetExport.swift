import CoordinatorCore

/// The registry as a spreadsheet.
public struct SheetExport: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// - Parameter isEmpty: writes only the headers, to be filled in.
    /// - Throws: `SheetFault`, `StoreError`
    public func write(isEmpty: Bool) async throws -> [UInt8] {
        let snapshot = isEmpty ? RegistrySnapshot() : try await ports.registrySnapshot()
        return try await ports.sheets.write(RegistryExport.tables(snapshot))
    }
}

extension Ports {
    func registrySnapshot() async throws -> RegistrySnapshot {
        var snapshot = RegistrySnapshot()
        try await eachGuestOS { snapshot.guestOSes[$0.name] = $0 }
        snapshot.testCases = try await store.testCases(nil)
        for environment in try await store.environments() {
            snapshot.environments[environment.name] = environment
        }
        return snapshot
    }
}
