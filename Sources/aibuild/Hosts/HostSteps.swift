import Synchronization
import TextKit

/// What the script on a host reports: shown as it comes, and kept.
final class HostSteps: Sendable {
    private struct State {
        var facts: [String: [String]] = [:]
        var failure: String?
        var remedy: String?
        var seen: Set<String> = []
    }

    private let state = Mutex(State())
    private let context: CommandContext

    init(_ context: CommandContext) { self.context = context }

    /// Of a `fact`, by its first word.
    func facts(_ name: String) -> [String] { state.withLock { $0.facts[name] ?? [] } }

    /// What failed, and what to do.
    var failure: String? {
        state.withLock { state in
            state.failure.map { $0 + (state.remedy.map { ".\n" + $0 } ?? "") }
        }
    }

    func take(_ line: String) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let text = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : line
        // Each run of the script looks at the machine anew.
        if ["ok", "warn", "fix"].contains(parts.first), !isNew(text) { return }
        switch parts.first {
        case "ok": show("ok", .green, text)
        case "done": show("done", .green, text)
        case "warn": show("warn", .yellow, text)
        case "fail":
            state.withLock { $0.failure = $0.failure ?? text }
            show("FAIL", .red, text)
        case "fix":
            state.withLock { state in
                if state.failure != nil { state.remedy = state.remedy ?? text }
            }
            write("     → \(SafeText.line(text))\n")
        case "fact":
            let words = text.split(separator: " ", maxSplits: 1)
            guard let name = words.first else { return }
            state.withLock {
                $0.facts[String(name), default: []].append(words.count > 1 ? String(words[1]) : "")
            }
        // What a login shell says.
        default: context.console.err(SafeText.line(line) + "\n")
        }
    }

    private func isNew(_ text: String) -> Bool {
        state.withLock { $0.seen.insert(text).inserted }
    }

    /// A step of this program itself.
    func show(_ label: String, _ colour: Style.Colour, _ text: String) {
        write(context.style.paint(label.padded(5), colour) + SafeText.line(text) + "\n")
    }

    private func write(_ text: String) {
        if context.wantsJSON { context.console.err(text) } else { context.console.out(text) }
    }
}
