/// Reads the historic table `build_log`: the images of this farm, and the reports of the original
/// AIBuild's jobs.
public protocol HistoricReader: Sendable {
    /// Newest first.
    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry]
    /// Newest first; the entries of every guest OS if `guestOSID` is `nil`.
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry]
}

/// Records the reports of the original AIBuild's jobs while a team migrates: rows of its tables
/// that belong to no build of this coordinator.
///
/// A row whose id exists already is kept unchanged. Every method throws `StoreError.deposed` once
/// another epoch leads.
public protocol HistoricWriter: Sendable {
    /// Records a build of the guest OS of this name that another system made; the guest OS need not
    /// be registered.
    func record(_ entry: BuildLogEntry, guestOS name: String) async throws
    func record(_ test: HistoricTest) async throws
    func record(_ release: HistoricRelease) async throws
}
