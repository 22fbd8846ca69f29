/// Something on the coordinator's machine that an administrator has to set up.
public struct SetupProblem: Sendable, Hashable {
    public var problem: String
    public var remedy: String

    public init(_ problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }
}
