import BuildProtocol
import CoordinatorCore

extension Ports {
    /// The password of an environment: its own, or the secret that it names.
    /// - Throws: `Refusal` if that secret is gone, or not for this environment; `SecretFault`,
    ///   `StoreError`
    func secret(of environment: ReleaseEnvironment) async throws -> Secret? {
        guard let name = environment.secretName else {
            return try await store.secret(ofEnvironment: environment.name)
        }
        let source = secretSources[name]
        let stored = source == nil ? try await store.secret(named: name) : nil
        guard let allowed = source?.environments ?? stored?.environments else {
            throw Refusal(
                "the coordinator has no secret \(Names.quoted(name)), which the environment "
                    + "\(Names.quoted(environment.name)) names as its password: aibuild secret add "
                    + "\(name) --environment '\(environment.name)'")
        }
        guard FarmSecret.isAllowed(environment.name, by: allowed) else {
            let all = allowed + [environment.name]
            throw Refusal(
                "the coordinator keeps the secret \(Names.quoted(name)) from the environment "
                    + "\(Names.quoted(environment.name)): "
                    + (source != nil
                        ? "add it under environments of the secret in coordinator.yml"
                        : "an administrator gives it to this one as well: aibuild secret change "
                            + "\(name) "
                            + all.map { "--environment '\($0)'" }.joined(separator: " ")))
        }
        // As in the environment of a build.
        let value = try await (source ?? StoredSecret(name, in: store)).value().reveal
        return Secret(value.utf8.last == UInt8(ascii: "\n") ? String(value.dropLast()) : value)
    }

    /// The same while a person waits for the answer.
    /// - Throws: `Refusal`, `StoreError`
    func secretNow(of environment: ReleaseEnvironment) async throws -> Secret? {
        do { return try await secret(of: environment) } catch let fault as SecretFault {
            throw Refusal(.conflict, fault.description)
        }
    }
}
