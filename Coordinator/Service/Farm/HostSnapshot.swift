public import BuildProtocol
public import CoordinatorCore

/// A host as the API shows it.
public struct HostSnapshot: Sendable {
    public var host: Host
    /// `ready`, `connecting`, `unreachable`, `quarantined`
    public var state: String
    public var detail: String
    public var report: HostReport?
    public var running: Int
    public var clockSkewMilliseconds: Int64
}
