import ArgumentKit
import ProcessKit
import Support
import Synchronization
import TextKit

/// Looks at the machine of a host for `aibuild doctor`, over the SSH access of whoever runs it.
struct HostInspection {
    let context: CommandContext
    let host: HostAnswer

    /// What was found there; a machine that cannot be looked at is one finding.
    func run() async -> (isSeen: Bool, findings: [HostFindings.Finding]) {
        let steps = HostSteps(context, isQuiet: true)
        do {
            let setup = try await HostSetupAnswer.fetch(context.api, installs: false)
            let machine = try await connect()
            do {
                try await look(at: machine, setup, steps)
            } catch {
                await machine.close()
                throw error
            }
            await machine.close()
            try await compare(setup, steps)
            return (true, named(steps.findings))
        } catch {
            let (why, remedy) = parts((error as? CommandError)?.message ?? "\(error)")
            return (
                false, named([(.warning, "The machine itself was not looked at: \(why)", remedy)])
            )
        }
    }

    private func named(_ findings: [HostFindings.Finding]) -> [HostFindings.Finding] {
        findings.map { ($0.mark, "Host \(host.name): \($0.text)", $0.remedy) }
    }

    private func connect() async throws -> RemoteMachine {
        let address = try RemoteAddress(host.address).login(as: context.arguments["as"])
        // What ssh wrote last says why it failed.
        let said = Mutex("")
        do {
            return try await .connect(to: address, settings: context.arguments["ssh-config"]) {
                line in said.withLock { $0 = line }
            }
        } catch let error as CommandError {
            let why = said.withLock(\.self)
            guard !why.isEmpty else { throw error }
            throw CommandError(
                error.code,
                "ssh cannot connect to \(address): \(why)\nWhen `ssh \(address.command)` works, "
                    + "run this again. Name another user with --as")
        }
    }

    private func look(
        at machine: RemoteMachine, _ setup: HostSetupAnswer, _ steps: HostSteps
    ) async throws {
        let privilege = try await machine.privilege(context.console.askSecret)
        let script = HostScript(name: host.name, setup: setup)
        let status = try await machine.run(script.text(.inspect), as: privilege, line: steps.take)
        guard !status.isSuccess, steps.failure == nil else { return }
        throw CommandError(.refused, "The checks on \(machine.address) ended with \(status)")
    }

    /// What only the coordinator sees, and the machine confirms.
    private func compare(_ setup: HostSetupAnswer, _ steps: HostSteps) async throws {
        let looks = HostLooks(api: context.api, steps: steps)
        looks.compareClock(setup)
        do {
            _ = try await looks.hostKey(at: host.address)
            guard let key = host.hostKey, !looks.shows(key) else { return }
            steps.show(.bad, "The coordinator knows it by a host key that it does not have")
            steps.fix(
                "If the key was rotated, confirm the new one: aibuild host change \(host.name)")
        } catch let error as CommandError {
            let (why, remedy) = parts(error.message)
            steps.show(.bad, why)
            if let remedy { steps.fix(remedy) }
        }
    }

    /// What happened, and what to do: lines of ssh end with `\r\n`.
    private func parts(_ message: String) -> (why: String, remedy: String?) {
        let lines = message.lines
        let rest = lines.dropFirst().joined(separator: "\n")
        return (lines.first.map(String.init) ?? "", rest.isEmpty ? nil : rest)
    }
}
