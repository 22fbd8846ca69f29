import ProcessKit
import Support

/// What a run does about its own steps if a later one fails.
extension HostInstallation {
    /// What a run did to the farm.
    enum Registration { case none, added, changed }

    /// Takes back what can be.
    /// - Returns: what was and was not taken back, for people.
    func takeBack(
        _ registration: Registration, _ script: HostScript, _ machine: RemoteMachine,
        _ privilege: RemoteMachine.Privilege, _ steps: HostSteps
    ) async -> String {
        var remains: [String] = []
        switch registration {
        case .none: break
        case .added:
            do {
                _ = try await context.api.send("DELETE", HostCommands.path(name))
                steps.show(.good, "Removed host \(name) from the farm", label: "done")
            } catch { remains.append("Host \(name) is in the farm: \(text(error))") }
        case .changed:
            // The old one is not that of this machine.
            remains.append("The coordinator has the new host key of \(name)")
        }
        if !script.did.isEmpty {
            do {
                let status = try await machine.run(
                    script.text(.undo), as: privilege, line: steps.take)
                if !status.isSuccess { remains.append("Some is left there: \(status)") }
            } catch { remains.append("Some is left there: \(text(error))") }
        }
        return whatRemains(steps, remains, isInFarm: registration == .added)
    }

    private func text(_ error: any Error) -> String {
        (error as? CommandError)?.message ?? "\(error)"
    }

    /// - Parameters:
    ///   - more: what stays besides what the script said.
    ///   - isInFarm: whether something was done to the farm.
    func whatRemains(_ steps: HostSteps, _ more: [String] = [], isInFarm: Bool = false) -> String {
        let remains = more + steps.facts("stays").map { SafeText.line($0) }
        if !remains.isEmpty {
            return "Not all that this run did was taken back. " + remains.joined(separator: ". ")
                + "."
        }
        let did = steps.facts("did").last ?? ""
        if did.isEmpty && !isInFarm { return "Nothing was changed on \(address.host)." }
        return "What this run did on \(address.host) was taken back."
    }
}
