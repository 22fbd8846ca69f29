import ArgumentKit
import ProcessKit

/// `aibuild host remove`
enum HostRemoveCommand {
    static let command = Command(
        name: "host remove", summary: "Remove a host that runs no builds", operands: ["NAME"],
        options: [
            CommandOption(
                "uninstall", value: "USER@HOST[:PORT]",
                "also remove the coordinator's key and the agent there, by your ssh")
        ] + HostAddCommand.sshOptions,
        details: [
            "To remove a host that runs builds, drain it and wait, or cancel its builds.",
            "With --uninstall, the agent's package is purged, with its settings and base images,",
            "unless another coordinator uses it.",
        ],
        examples: [
            "aibuild host remove kvm1",
            "aibuild host remove kvm1 --uninstall root@kvm1.example.com",
        ],
        run: { context in
            guard let text = context.arguments["uninstall"] else {
                _ = try await context.api.send("DELETE", HostCommands.path(context))
                context.say("Removed host \(context.name)")
                return .ok
            }
            let installation = HostInstallation(
                context: context, name: context.arguments.operands[0],
                address: try RemoteAddress(text))
            return try await installation.remove()
        })
}

extension HostInstallation {
    /// Takes the host out of the farm, then its key and agent from the machine. May be repeated.
    func remove() async throws -> ExitCode {
        let steps = HostSteps(context)
        let setup = try await HostSetupAnswer.fetch(context.api, installs: false)
        let machine = try await connect()
        do {
            let privilege = try await machine.privilege(context.console.askSecret)
            let script = HostScript(name: name, setup: setup)
            let looked = try await machine.run(
                script.text(.identify), as: privilege, line: steps.take)
            guard looked.isSuccess else {
                throw CommandError(
                    .refused,
                    "Cannot look at \(address): \(steps.failure ?? "\(looked)"). "
                        + "Nothing was removed")
            }
            try await checkIdentity(steps.facts("key"))
            do {
                _ = try await context.api.send("DELETE", HostCommands.path(name))
                steps.show(.good, "Removed host \(name) from the farm", label: "done")
            } catch let error as CommandError where error.code == .notFound {
                steps.show(.good, "Host \(name) is not in the farm")
            }
            let status = try await machine.run(
                script.text(.remove), as: privilege, line: steps.take)
            guard status.isSuccess else {
                throw CommandError(
                    .refused,
                    "Host \(name) is out of the farm, but not all was removed there: "
                        + (steps.failure ?? steps.facts("stays").first ?? "\(status)")
                        + ".\nFix this, then run this again")
            }
        } catch {
            await machine.close()
            throw error
        }
        await machine.close()
        context.say("Removed host \(name)")
        return .ok
    }

    /// A mistyped address is not to take another host of the farm away, with its builds.
    private func checkIdentity(_ keys: [String]) async throws {
        let hosts = try APIClient.decode(
            Page<HostAnswer>.self, try await context.api.get("/api/v1/hosts")
        ).items
        let owner = hosts.first { host in
            let key = (host.hostKey ?? "").split(separator: " ").prefix(2).joined(separator: " ")
            return !key.isEmpty && keys.contains(key)
        }
        if let owner, owner.name != name {
            throw CommandError(
                .refused,
                "\(address) is the host \(SafeText.line(owner.name)), by its host key, and not "
                    + "\(name). Nothing was removed")
        }
        // Of a host that is not in the farm any more, the machine may be cleaned again.
        guard owner != nil || !hosts.contains(where: { $0.name == name }) else {
            throw CommandError(
                .refused,
                "\(address) is not the host \(name): it shows another host key than the "
                    + "coordinator knows. Nothing was removed. Remove the host alone, without "
                    + "--uninstall, or correct its key first (aibuild host change)")
        }
    }
}
