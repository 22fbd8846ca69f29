import CoordinatorCore
import Support

/// Shows beside a commit that its template cannot be built: there is no build whose state would be
/// shown, and the author looks there.
struct BrokenTemplate: Sendable {
    let ports: Ports

    /// Does not wait for the Git server. One that is away is not told: the delivery says it too.
    func tell(_ change: ReportedChange, _ why: String) {
        guard let sender = ports.statusSender, let token = change.source.token,
            let server = change.source.server
        else { return }
        let status = CommitStatus(broken: change.guestOS.name, why, in: change.report)
        let kind = change.source.kind
        Task {
            do {
                try await sender.send(status, to: kind, server: server.url, token: token)
            } catch { Logger("triggers").warning("cannot show a broken template: \(error)") }
        }
    }
}
