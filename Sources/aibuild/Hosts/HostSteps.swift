import Synchronization
import TextKit

/// What the script on a host reports: shown as it comes, or kept for later.
final class HostSteps: Sendable {
    private struct State {
        var facts: [String: [String]] = [:]
        var failure: String?
        var remedy: String?
        var seen: Set<String> = []
        var findings: [HostFindings.Finding] = []
    }

    private let state = Mutex(State())
    private let context: CommandContext
    private let isQuiet: Bool

    /// - Parameter isQuiet: whether `findings` has what would be shown.
    init(_ context: CommandContext, isQuiet: Bool = false) {
        self.context = context
        self.isQuiet = isQuiet
    }

    var findings: [HostFindings.Finding] { state.withLock(\.findings) }

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
        case "ok": show(.good, text)
        case "done": show(.good, text, label: "done")
        case "warn": show(.warning, text)
        case "fail":
            state.withLock { $0.failure = $0.failure ?? text }
            show(.bad, text)
        case "fix":
            state.withLock { state in
                if state.failure != nil { state.remedy = state.remedy ?? text }
            }
            fix(text)
        case "fact":
            let words = text.split(separator: " ", maxSplits: 1)
            guard let name = words.first else { return }
            state.withLock {
                $0.facts[String(name), default: []].append(words.count > 1 ? String(words[1]) : "")
            }
        // What a login shell says.
        default: if !isQuiet { context.console.err(SafeText.line(line) + "\n") }
        }
    }

    private func isNew(_ text: String) -> Bool {
        state.withLock { $0.seen.insert(text).inserted }
    }

    /// A step of the script, or of this program itself.
    /// - Parameter label: what is shown for `mark`.
    func show(_ mark: HostFindings.Mark, _ text: String, label: String? = nil) {
        if isQuiet { return state.withLock { $0.findings.append((mark, text, nil)) } }
        write(
            context.style.paint((label ?? mark.label).padded(5), mark.colour)
                + SafeText.line(text) + "\n")
    }

    /// What to do about the step before.
    func fix(_ text: String) {
        if isQuiet {
            return state.withLock { state in
                if let last = state.findings.indices.last { state.findings[last].remedy = text }
            }
        }
        write("     → \(SafeText.line(text))\n")
    }

    private func write(_ text: String) {
        if context.wantsJSON { context.console.err(text) } else { context.console.out(text) }
    }
}
