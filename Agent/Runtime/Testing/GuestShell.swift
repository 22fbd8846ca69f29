import AgentCore
import BuildProtocol
import ProcessKit

/// The shell of a guest, reached by the host's SSH client.
struct GuestShell {
    let order: AttemptOrder
    let folder: AttemptFolder
    let login: GuestLogin
    /// A port of this host that is forwarded to the guest's.
    let port: Int

    /// The SSH client that runs a command in the guest.
    func command(_ remote: String) -> Command {
        let files = TestFiles(folder: folder)
        let usesPassword = login.method == .password
        var environment = BuildEnvironment.common(order, folder)
        if usesPassword {
            environment.merge(GuestSSH.askpassEnvironment(files.askpass)) { _, new in new }
        }
        return Command(
            GuestSSH.arguments(
                user: login.user, port: port, key: usesPassword ? nil : files.key, command: remote),
            environment: environment, workFolder: folder.work, isNewSession: true)
    }
}
