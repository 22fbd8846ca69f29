/// What is new of the hosts since somebody looked at them last.
public struct HostChanges: Sendable {
    /// The hosts of which something is new, as they are now.
    public var changed: [HostView]
    public var removed: [String]

    public init(changed: [HostView] = [], removed: [String] = []) {
        self.changed = changed
        self.removed = removed
    }
}
