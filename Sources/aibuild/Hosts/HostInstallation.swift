import ArgumentKit
import ProcessKit
import Support

/// Makes a machine a host over the SSH access of the person who runs this program.
struct HostInstallation {
    let context: CommandContext
    let name: String
    let address: RemoteAddress

    // MARK: By hand

    func printScript() async throws -> ExitCode {
        let setup = try await HostSetupAnswer.fetch(context.api)
        var script = HostScript(name: name, setup: setup)
        script.folder = "."
        let packages = setup.packages.map { "#   aibuild host package \($0.architecture)\n" }
        let body = script.text(.setup).drop { $0 != "\n" }.dropFirst()
        context.console.out(
            """
            #!/bin/sh
            # 1. Where you work, get the package for the architecture of the machine
            #    (dpkg --print-architecture there):
            \(packages.joined())# 2. Copy the package and this script into one folder there.
            # 3. Run the script in that folder, as root: sh FILE
            # 4. Where you work, add the host:
            #   aibuild host add \(name) --register-only --address \(try agentAddress())
            #    It shows the fingerprint of the machine's host key. Say yes only if it is among
            #    those that this prints on the machine itself, of the same type:
            #   ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub

            """ + body)
        return .ok
    }

    // MARK: By SSH

    func add() async throws -> ExitCode { try await add { _ in } }

    /// - Parameter ready: called once all checks have passed and nothing is changed yet. May take
    ///   hours.
    func add(
        once ready: (RemoteMachine) async throws -> Void
    ) async throws -> ExitCode {
        let steps = HostSteps(context)
        var script = HostScript(
            name: name, setup: try await HostSetupAnswer.fetch(context.api))
        let known = try await known()
        var machine = try await connect()
        do {
            let privilege = try await machine.privilege(context.console.askSecret)
            try await run(script, .check, on: machine, privilege, steps)
            let looks = HostLooks(api: context.api, steps: steps)
            looks.compareClock(script.setup)
            let key = try await hostKey(looks)
            try await ready(machine)
            if !(await machine.isConnected()) {
                await machine.close()
                machine = try await connect()
            }
            // The coordinator may have been upgraded meanwhile.
            script.setup = try await HostSetupAnswer.fetch(context.api)
            let code = try await setUp(script, on: machine, privilege, key, known, steps)
            await machine.close()
            return code
        } catch {
            await machine.close()
            throw error
        }
    }

    private func setUp(
        _ given: HostScript, on machine: RemoteMachine, _ privilege: RemoteMachine.Privilege,
        _ key: String, _ known: HostAnswer?, _ steps: HostSteps
    ) async throws -> ExitCode {
        var script = given
        script.folder = try await upload(script.setup, to: machine, steps)
        do {
            try await run(script, .setup, on: machine, privilege, steps)
        } catch {
            await clean(script, machine)
            throw error
        }
        await clean(script, machine)
        script.did = (steps.facts("did").last ?? "").split(separator: " ").map(String.init)
        var registration = Registration.none
        do {
            registration = try await register(key, known, steps)
            return try await arrive(known, steps)
        } catch {
            let end = await takeBack(registration, script, machine, privilege, steps)
            guard let error = error as? CommandError else { throw error }
            throw CommandError(error.code, "\(error.message)\n\(end)")
        }
    }

    func connect() async throws -> RemoteMachine {
        let console = context.console
        return try await .connect(to: address, settings: context.arguments["ssh-config"]) { line in
            console.err(SafeText.line(line) + "\n")
        }
    }

    /// The host under this name, if it is at this address.
    private func known() async throws -> HostAnswer? {
        do {
            let host = try APIClient.decode(
                HostAnswer.self, try await context.api.get(HostCommands.path(name)))
            let address = try agentAddress()
            guard
                [host.address, host.address + ":22"].contains(address)
                    || host.address == address + ":22"
            else {
                throw CommandError(
                    .refused,
                    "There is a host \(name) already, at \(host.address) instead of \(address). "
                        + "Choose another name, or change its address: aibuild host change \(name)")
            }
            return host
        } catch let error as CommandError where error.code == .notFound { return nil }
    }

    private func agentAddress() throws(CommandError) -> String {
        guard let reach = context.arguments["reach"] else { return address.agent }
        return try RemoteAddress("_aibuild-agent@" + reach).description
    }

    /// - Throws: with what failed on the machine, where the script itself took back what it did.
    func run(
        _ script: HostScript, _ action: HostScript.Action, on machine: RemoteMachine,
        _ privilege: RemoteMachine.Privilege, _ steps: HostSteps
    ) async throws {
        let status = try await machine.run(script.text(action), as: privilege, line: steps.take)
        guard !status.isSuccess else { return }
        let end =
            switch (action, steps.failure) {
            case (.check, _): "Nothing was changed."
            case (_, nil): "Some of it may be done: run this again, which leaves that alone."
            default: whatRemains(steps)
            }
        let why = steps.failure ?? "the script ended with \(status); see the messages above"
        throw CommandError(.refused, "Host \(name) was not set up: \(why).\n\(end)")
    }

    private func hostKey(_ looks: HostLooks) async throws -> String {
        do { return try await looks.hostKey(at: try agentAddress()) } catch let error
            as CommandError
        {
            throw CommandError(
                error.code,
                "\(error.message)\nNothing was changed. If the coordinator reaches the machine at "
                    + "another address, add --reach HOST:PORT")
        }
    }

    /// - Returns: the folder of the package there; empty if it needs none.
    private func upload(
        _ setup: HostSetupAnswer, to machine: RemoteMachine, _ steps: HostSteps
    ) async throws -> String {
        guard
            let package = setup.packages.first(where: {
                steps.facts("architecture").contains($0.architecture)
            }), steps.facts("installed").last != package.version
        else { return "" }
        let bytes = try await package.download(context.api)
        let folder = try await machine.upload(bytes, name: package.name)
        steps.show(.good, "Copied \(package.name) from the coordinator", label: "done")
        return folder
    }

    private func clean(_ script: HostScript, _ machine: RemoteMachine) async {
        if !script.folder.isEmpty { await machine.remove(upload: script.folder) }
    }

    private func register(
        _ key: String, _ known: HostAnswer?, _ steps: HostSteps
    ) async throws -> Registration {
        let variables = try context.arguments.variables(over: known?.variables ?? [:])
        let isSame = variables == known?.variables ?? [:]
        guard let known else {
            _ = try await context.api.send(
                "POST", "/api/v1/hosts",
                HostAddCommand.Registration(
                    name: name, address: try agentAddress(), hostKey: key,
                    variables: variables.isEmpty ? nil : variables))
            steps.show(.good, "Added host \(name) to the farm", label: "done")
            return .added
        }
        if !isSame {
            _ = try await context.api.send(
                "PUT", HostCommands.path(name), HostCommands.Change(variables: variables))
            steps.show(.good, "Set the variables of \(name)", label: "done")
        }
        if known.hostKey == key {
            steps.show(.good, "Host \(name) is in the farm")
            return .none
        }
        _ = try await context.api.send(
            "PUT", HostCommands.path(name), HostCommands.Change(hostKey: key))
        steps.show(.good, "Changed the host key of \(name)", label: "done")
        return .changed
    }

    private func arrive(_ known: HostAnswer?, _ steps: HostSteps) async throws -> ExitCode {
        if context.arguments.has("no-wait") {
            context.say("Added host \(name). Check its status: aibuild host show \(name)")
            return .ok
        }
        let arrival = HostArrival(context: context, name: name)
        let host = try await arrival.wait(
            milliseconds: HostArrival.patientMilliseconds, endsAtFault: known == nil)
        guard host.state == "ready" else {
            throw CommandError(
                .refused,
                "The coordinator cannot use host \(name): \(SafeText.line(host.detail ?? ""))\n"
                    + "Fix this, then run it again.")
        }
        let kinds = host.accelerators ?? []
        if kinds.contains("kvm") {
            steps.show(.good, "A guest boots under KVM there")
        } else if kinds.isEmpty {
            steps.show(
                .warning, "It has no QEMU: it takes builds with builder: command only")
        } else {
            steps.show(.warning, "No guest boots under KVM there: its builds run with tcg")
        }
        if context.wantsJSON {
            return context.show(try await context.api.get(HostCommands.path(name)), "")
        }
        let done = known == nil ? "Added host \(name)" : "Host \(name) is as it should be"
        if host.slots == 0 {
            context.console.err(
                "Notice: it takes no builds: \(SafeText.line(host.notices?.first ?? ""))\n")
            return .refused
        }
        return try arrival.report(host, done)
    }
}
