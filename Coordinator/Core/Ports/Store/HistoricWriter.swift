/// Records what jobs of the original AIBuild report while a team migrates: rows of its tables that
/// belong to no build of this coordinator.
///
/// A row with the same id that is there already stays as it is. Every method throws
/// `StoreError.deposed` once another epoch leads.
public protocol HistoricWriter: Sendable {
    /// Records a build that another system made of the guest OS of this name, registered or not.
    func record(_ entry: BuildLogEntry, guestOS name: String) async throws
    func record(_ test: HistoricTest) async throws
    func record(_ release: HistoricRelease) async throws
}
