/// Passwords without the work, for tests of what is around them.
public struct InMemoryPasswords: PasswordHashing {
    public init() {}

    public func hash(_ password: String) async throws -> String { "plain:" + password }

    public func matches(_ password: String, _ hash: String?) async throws -> Bool {
        hash == "plain:" + password
    }
}
