import BuildProtocol
public import CoordinatorCore

/// The password of an environment: its own, or the secret of the coordinator that it names.
public struct EnvironmentPassword: Sendable {
    let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// - Throws: `Refusal` if that secret is gone, or not for this environment; `SecretFault`,
    ///   `StoreError`
    private func value(of environment: ReleaseEnvironment) async throws -> Secret? {
        guard let name = environment.secretName else {
            return try await ports.store.secret(ofEnvironment: environment.name)
        }
        let source = ports.secretSources[name]
        let stored = source == nil ? try await ports.store.secret(named: name) : nil
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
        let value = try await (source ?? StoredSecret(name, in: ports.store)).value().reveal
        return Secret(value.utf8.last == UInt8(ascii: "\n") ? String(value.dropLast()) : value)
    }

    /// While a person waits for the answer.
    /// - Throws: `Refusal`, `StoreError`
    func valueNow(of environment: ReleaseEnvironment) async throws -> Secret? {
        do { return try await value(of: environment) } catch let fault as SecretFault {
            throw Refusal(.conflict, fault.description)
        }
    }

    /// For a release.
    /// - Throws: `ReleaseFault.rejected` if it is lost, or a secret that the environment may not
    ///   use: no retry would help.
    func value(ofNamed name: String) async throws -> Secret? {
        guard let environment = try await ports.store.environment(named: name) else { return nil }
        do { return try await value(of: environment) } catch let error as StoreError
            where error.code == .lost
        {
            throw ReleaseFault(.rejected, error.message)
        } catch let refusal as Refusal {
            throw ReleaseFault(.rejected, refusal.description)
        } catch let fault as SecretFault {
            throw ReleaseFault(.failed, fault.description)
        }
    }

    /// The password that another one is compared with; `nil` also if there is none to be had, and
    /// it can only be replaced.
    /// - Throws: `StoreError`
    public func known(ofNamed name: String) async throws -> Secret? {
        do { return try await value(ofNamed: name) } catch is ReleaseFault { return nil }
    }

    /// Why no release to an environment can succeed before its password is set anew; `nil` if it
    /// is there. What else keeps it from being read passes, and is met by the release.
    func loss(of environment: String) async -> String? {
        do { _ = try await value(ofNamed: environment) } catch let fault as ReleaseFault {
            return fault.isPermanent ? fault.message : nil
        } catch {}
        return nil
    }
}
