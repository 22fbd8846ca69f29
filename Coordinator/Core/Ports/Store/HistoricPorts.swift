/// Reads the historic table `build_log`: the images of this farm, and the reports of the original
/// AIBuild's jobs.
public protocol HistoricReader: Sendable {
    /// Newest first.
    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry]
    /// Newest first; the entries of every guest OS if `guestOSID` is `nil`.
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry]
    /// The first name that the original AIBuild would have found: its tables ignored case, and
    /// blanks at the end.
    func historicName(like name: String, in names: HistoricKind) async throws -> String?
}

/// Records the reports of the original AIBuild's jobs while a team migrates: rows of its tables
/// that belong to no build of this coordinator.
///
/// A row that exists already is kept unchanged. Every method throws `StoreError.deposed` once
/// another epoch leads.
public protocol HistoricWriter: RecordingWriter {
    /// Records a build that another system made, unless there is a row of its image. The guest OS
    /// that it names need not be registered; its id is looked up.
    /// - Returns: the row of the image.
    func record(_ entry: BuildLogEntry) async throws -> BuildLogEntry
    func record(_ test: HistoricTest) async throws
    func record(_ release: HistoricRelease) async throws
}
