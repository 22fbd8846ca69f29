/// Reads the historic table `build_log`: this farm's images, and what jobs of the original AIBuild
/// reported.
public protocol HistoricReader: Sendable {
    /// Newest first.
    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry]
    /// Newest first; the entries of every guest OS if `guestOSID` is `nil`.
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry]
}
