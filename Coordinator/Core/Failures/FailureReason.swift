import BuildProtocol
import TextKit

/// The reason of a failed build: its first error, the lines around it, and what the agent says.
public enum FailureReason {
    /// Bytes of a line that are shown, and of one line of what the agent says.
    private static let lineBytes = 240
    /// Lines of what the agent says that are kept below a first error; without one, all.
    private static let agentLines = 4

    /// The line of the build's log that a reason names; `nil` if it names none.
    public static func line(in reason: String) -> Int? {
        guard let first = reason.allLines.first,
            let match = first.matches(of: /\(line ([0-9]{1,9}) of the log\)/).last
        else { return nil }
        return Int(match.1)
    }

    /// - Parameter said: the reason as the agent gives it.
    public static func text(_ said: String, _ error: FirstError?) -> String {
        var isCut = false
        func cut(_ text: String) -> String {
            guard text.utf8.count > lineBytes else { return text }
            isCut = true
            return text.prefixOfUTF8(lineBytes) + "…"
        }
        var saidLines = TerminalLine.plain(said).allLines.map { cut(String($0)) }
        var lines: [String] = []
        if let error {
            let line = "line \(error.line.number) of the log"
            let what = cut(error.line.text)
            lines.append((error.step.map { "\($0) failed: " } ?? "") + "\(what) (\(line))")
            for line in error.around {
                let mark = line.number == error.line.number ? ">" : " "
                lines.append("\(mark) \(line.number) | \(cut(line.text))")
            }
            saidLines = saidLines.filter { said in
                !error.around.contains { !said.isEmpty && cut($0.text).hasSuffix(said) }
            }
            if saidLines.count > agentLines { saidLines.removeSubrange(agentLines...) }
        }
        lines += saidLines
        if isCut { lines.append("(Long lines are cut here; the log has them whole.)") }
        return lines.joined(separator: "\n").prefixOfUTF8(ProtocolLimits.reasonBytes)
    }
}
