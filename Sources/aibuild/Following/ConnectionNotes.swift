import Synchronization

/// Says when the connection to the coordinator is lost and when it is back: once, however many
/// streams it carries.
final class ConnectionNotes: Sendable {
    private let progress: ProgressLine
    private let lostStreams = Mutex(0)

    init(_ progress: ProgressLine) { self.progress = progress }

    func lost(_ why: String) {
        let isFirst = lostStreams.withLock { count in
            count += 1
            return count == 1
        }
        if isFirst {
            progress.say("aibuild: Connection lost: \(SafeText.line(why)). Reconnecting …")
        }
    }

    func isBack() {
        let isLast = lostStreams.withLock { count in
            count -= 1
            return count == 0
        }
        if isLast { progress.say("aibuild: Reconnected") }
    }
}
