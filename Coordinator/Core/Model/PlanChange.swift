/// What one build has otherwise than its guest OS says. Such a build tries something out: it stands
/// for no commit of the guest OS.
public struct PlanChange: Sendable, Hashable, Codable {
    /// Variables of the template, over those of the guest OS.
    public var variables: [String: String]
    /// A branch, tag or commit; `nil`: that of the guest OS.
    public var ref: String?

    public init(variables: [String: String] = [:], ref: String? = nil) {
        self.variables = variables
        self.ref = ref
    }

    public var isEmpty: Bool { variables.isEmpty && ref == nil }
}
