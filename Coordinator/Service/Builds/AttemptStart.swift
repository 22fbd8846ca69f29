import BuildProtocol
import CoordinatorCore
import Support

/// Writes the order of one attempt, with the secrets that go with it. Used by its session alone.
final class AttemptStart {
    let ports: Ports
    let build: Build
    let token: AttemptToken
    /// The audit log says which secrets the attempt got.
    private var isRecorded = false

    init(ports: Ports, build: Build, token: AttemptToken) {
        self.ports = ports
        self.build = build
        self.token = token
    }

    /// - Throws: `Fault` if the attempt cannot start, `StoreError`
    func message(to host: Host, _ report: HostReport?) async throws -> Start {
        var start = Start(build, as: token, url: ports.webRoot.url)
        start.recipe.override(try await hostVariables())
        if build.usesEnvironment, !build.plan.secrets.isEmpty {
            let values = try await values(report)
            if !values.isEmpty {
                try await record(values.keys.sorted(), host)
                start.secrets = SecretValues(values.mapValues(\.reveal))
            }
        }
        if let problem = start.sizeProblem {
            throw Fault(.template, .templateInvalid, problem)
        }
        return start
    }

    /// As its claim recorded them: the host may have others by now.
    private func hostVariables() async throws -> [String: String] {
        guard build.stage == .build else { return [:] }
        do {
            return try await ports.store.attempt(token)?.hostVariables ?? [:]
        } catch let error as StoreError where error.isPermanent {
            throw Fault(.infrastructure, .hostError, error.description)
        }
    }

    private func values(_ report: HostReport?) async throws -> [String: Secret] {
        do {
            return try await FarmSecrets(ports: ports).values(for: build, at: report)
        } catch let refusal as Refusal {
            throw Fault(.template, .templateInvalid, refusal.description)
        } catch let fault as SecretFault {
            throw Fault(.infrastructure, .secretUnavailable, fault.description)
        } catch let error as StoreError where error.isPermanent {
            throw Fault(.infrastructure, .secretUnavailable, error.description)
        }
    }

    /// A start that is sent again after an interruption is no second use.
    private func record(_ names: [String], _ host: Host) async throws {
        guard !isRecorded else { return }
        try await ports.audit(
            "coordinator", "secret.use", "\(build.guestOS):\(build.number)",
            "on host \(host.name): " + names.joined(separator: ", "))
        isRecorded = true
    }
}
