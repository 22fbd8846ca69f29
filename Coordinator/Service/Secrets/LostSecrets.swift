public import CoordinatorCore

/// What a restore without its key has lost, and only a person can set anew.
public struct LostSecrets: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// Whether the password of an environment is lost.
    public func isLost(passwordOf environment: String) async -> Bool {
        await EnvironmentPassword(ports: ports).loss(of: environment) != nil
    }

    /// Each with the command that sets it anew.
    /// - Throws: `StoreError`
    public func problems() async throws -> [SetupProblem] {
        var problems = try await FarmSecrets(ports: ports).all()
            .filter { $0.stored?.isLost == true }
            .map {
                SetupProblem(
                    "The value of the secret \($0.name) was lost in a restore without its key",
                    remedy: "Set it anew: aibuild secret change \($0.name) --from-file FILE")
            }
        for environment in try await ports.store.environments()
        where await isLost(passwordOf: environment.name) {
            problems.append(
                SetupProblem(
                    "The password of the environment \(environment.name) was lost in a restore "
                        + "without its key",
                    remedy:
                        "Set it anew: aibuild env change \(environment.name) --password-file FILE"
                ))
        }
        return problems
    }
}
