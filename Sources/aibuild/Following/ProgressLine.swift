import Support
import Synchronization

/// Phases and progress on stderr: one line that is redrawn on a terminal, a line for each phase
/// elsewhere.
final class ProgressLine: Sendable {
    private struct State {
        /// The text on the terminal, to be wiped before other text.
        var drawn = ""
        var phase = ""
        /// When the current transfer started, for its rate.
        var what = ""
        var startBytes: Int64 = 0
        var startMilliseconds: Int64 = 0
    }

    private let console: Console
    private let state = Mutex(State())

    init(_ console: Console) { self.console = console }

    func show(_ build: BuildAnswer) {
        let text = state.withLock { describe(build, &$0) }
        guard console.errIsTerminal else {
            // A line for each phase; of a transfer, a line for its beginning and one for its end.
            let phase =
                build.progress.map { "\($0.what) \($0.doneBytes >= $0.totalBytes)" }
                ?? "\(build.state) \(build.phase ?? "")"
            let isNew = state.withLock { state in
                defer { state.phase = phase }
                return state.phase != phase
            }
            if isNew { console.err("\(text)\n") }
            return
        }
        draw(text)
    }

    /// Redraws the line. Does nothing without a terminal.
    func draw(_ text: String) {
        guard console.errIsTerminal else { return }
        let cut = SafeText.line(String(text.prefix(max(20, console.width() - 1))))
        wipe()
        state.withLock { $0.drawn = cut }
        console.err(cut)
    }

    /// Makes room for other text on the terminal.
    func wipe() {
        if state.withLock({ state in
            defer { state.drawn = "" }
            return !state.drawn.isEmpty
        }) {
            console.err("\r\u{1B}[K")
        }
    }

    /// A whole line between the others.
    func say(_ text: String) {
        wipe()
        console.err(text + "\n")
    }

    private func describe(_ build: BuildAnswer, _ state: inout State) -> String {
        var text = build.state
        if let host = build.host, !build.hasEnded { text += " on \(host)" }
        guard let progress = build.progress, progress.totalBytes > 0 else {
            if let phase = build.phase, !phase.isEmpty { text += ": \(phase)" }
            return "== " + SafeText.line(text)
        }
        let now = Clocks.monotonicMilliseconds()
        if state.what != progress.what || progress.doneBytes < state.startBytes {
            state.what = progress.what
            state.startBytes = progress.doneBytes
            state.startMilliseconds = now
        }
        let part = min(1, max(0, Double(progress.doneBytes) / Double(progress.totalBytes)))
        let filled = Int(part * 20)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
        text +=
            ": \(progress.what) [\(bar)] \(Int(part * 100)) % of "
            + Format.bytes(progress.totalBytes)
        let seconds = Double(now - state.startMilliseconds) / 1000
        let moved = progress.doneBytes - state.startBytes
        if seconds >= 1 && moved > 0 {
            text += ", \(Format.bytes(Int64(Double(moved) / seconds)))/s"
        }
        return "== " + SafeText.line(text)
    }
}
