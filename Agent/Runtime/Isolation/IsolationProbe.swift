import AgentCore
import ProcessKit
import Support
import TextKit

/// Whether this host can isolate builds.
enum IsolationProbe {
    static let advice =
        "The agent needs bubblewrap and, for builds with a network, slirp4netns, iproute2 and "
        + "util-linux (Debian packages), and a kernel that lets its user make namespaces (see "
        + "docs/security.md). `isolation: none` in agent.yml does without, for authors whom you "
        + "trust with the host and with each other's builds"

    /// What the notice of a host without isolation says.
    static let noneNotice =
        "builds are not isolated (isolation: none in agent.yml): a template can read and change "
        + "other builds, and everything of the agent on this host"

    /// For a host without isolation whose state folder is too deep; `nil` if it is not.
    static func depthNotice(_ configuration: AgentConfiguration) -> String? {
        let bytes = configuration.stateFolder.utf8.count
        guard configuration.isolation == .none, bytes > AgentLimits.plainStateFolderBytes else {
            return nil
        }
        return "state_folder in agent.yml has \(bytes) bytes: with isolation: none, sockets of "
            + "builds (Ansible's connections) fit only with at most "
            + "\(AgentLimits.plainStateFolderBytes)"
    }

    /// Why builds cannot be isolated here, for the operator; `nil` if they can.
    static func problem(_ configuration: AgentConfiguration) -> String? {
        var needed = Isolation.programs
        if configuration.network != .none { needed += Isolation.networkPrograms }
        let missing = needed.filter {
            Command.find($0, path: configuration.searchPath) == nil
        }
        guard missing.isEmpty else {
            return "this host takes no builds, because \(missing.joined(separator: ", ")) "
                + "\(missing.count == 1 ? "is" : "are") missing to isolate them. \(advice); then "
                + "restart aibuild-agent"
        }
        var environment = Command.minimalEnvironment
        environment["PATH"] = configuration.searchPath
        environment[ProcessMark.stateFolder] = configuration.stateFolder
        let command = Command(
            ["bwrap"] + Sandbox.namespaces
                + ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "true"],
            environment: environment)
        let said: String
        do {
            let output = try command.runBlocking(timeoutSeconds: 20)
            if output.status.isSuccess { return nil }
            said = output.stderrText.lines.last.map(String.init) ?? "\(output.status)"
        } catch { said = "\(error)" }
        return "this host takes no builds, because bubblewrap cannot isolate them: \(said). "
            + "\(advice); then restart aibuild-agent"
    }
}
