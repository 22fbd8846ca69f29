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
        var last: String?
        repeat {
            let page = try await store.guestOSes(after: last, limit: limits.pageRows)
            for guestOS in page { snapshot.guestOSes[guestOS.name] = guestOS }
            last = page.count == limits.pageRows ? page.last?.name : nil
        } while last != nil
        snapshot.testCases = try await store.testCases(nil)
        for environment in try await store.environments() {
            snapshot.environments[environment.name] = environment
        }
        return snapshot
    }
}
