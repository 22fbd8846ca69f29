public import CoordinatorCore

/// Checks whether a release to an environment could succeed now.
public struct EnvironmentCheck: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// - Throws: `Refusal` if no release could succeed now; `StoreError`
    public func run(_ name: String) async throws -> [EnvironmentFinding] {
        let environment = try await ports.environment(named: name)
        return try await findings(environment, try await ports.store.secret(ofEnvironment: name))
    }

    func findings(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        guard let target = ports.targets[environment.kind] else {
            throw Refusal(
                "this coordinator cannot release to \(environment.kind.rawValue) environments")
        }
        do { return try await target.check(environment, secret) } catch let fault as ReleaseFault {
            throw Refusal(.conflict, environment.name, cause: fault)
        }
    }
}

extension Ports {
    /// - Throws: `StoreError.notFound`
    func environment(named name: String) async throws -> ReleaseEnvironment {
        guard let environment = try await store.environment(named: name) else {
            throw StoreError.notFound(what: "environment", name: name)
        }
        return environment
    }
}
