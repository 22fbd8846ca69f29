/// Reads the registered hosts.
public protocol HostReader: Sendable {
    /// By name.
    func hosts() async throws -> [Host]
}

/// Writes hosts. Every method throws `StoreError.deposed` once another epoch leads.
public protocol HostWriter: RecordingWriter {
    /// - Throws: `StoreError.exists` if the name is taken.
    func add(_ host: Host) async throws
    /// Replaces the address, the host key and the variables.
    /// - Throws: `StoreError.notFound`
    func update(_ host: Host) async throws
    /// - Parameter drain: `nil` resumes the host.
    /// - Throws: `StoreError.notFound`
    func setDrain(_ drain: HostDrain?, host: String) async throws
    /// - Throws: `StoreError.notFound`
    func removeHost(_ name: String) async throws
}
