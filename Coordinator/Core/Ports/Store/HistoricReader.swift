/// Reads the historic table `build_log`: the images of this farm, and the reports of the original
/// AIBuild's jobs.
public protocol HistoricReader: Sendable {
    /// Newest first.
    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry]
    /// Newest first; the entries of every guest OS if `guestOSID` is `nil`.
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry]
}
