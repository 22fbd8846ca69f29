import AgentCore
import BuildProtocol
import Support

/// What attempts are told of their coordinator: who follows a log sees where it stood still.
extension AttemptRegistry {
    /// A session said something.
    func heard(_ session: UInt64, following tokens: some Sequence<AttemptToken>) {
        let now = Clocks.unixMilliseconds()
        for token in tokens { attempts[token]?.contact.heard(session, unixMilliseconds: now) }
    }

    /// A session is over.
    func ended(_ session: UInt64, following tokens: some Sequence<AttemptToken>) {
        let now = Clocks.unixMilliseconds()
        for token in tokens { attempts[token]?.contact.ended(session, unixMilliseconds: now) }
    }

    /// A session begins to follow an attempt.
    func follows(_ session: UInt64, _ token: AttemptToken) async {
        guard let entry = attempts[token] else { return }
        let now = Clocks.unixMilliseconds()
        let gap = entry.contact.follows(session, unixMilliseconds: now)
        guard let gap, entry.isRunning else { return }
        do {
            try await OwnThread.run { [files, folder = entry.folder] in
                try files.write(gap, folder)
            }
        } catch {
            // A full disk, for example. The log lacks a line that only explains.
            entry.log.warning("the log does not tell of a lost connection: \(error)")
        }
    }
}
