/// Reads the registered hosts.
public protocol HostReader: Sendable {
    /// By name.
    func hosts() async throws -> [Host]
}
