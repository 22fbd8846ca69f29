/// Calls that are banned from code, each for a reason.
struct WordRule {
    let pattern: Regex<Substring>
    /// Whatever the pattern finds contains one of these. The regex is for the lines that have it.
    let parts: [String]
    let reason: String

    init(pattern: Regex<Substring>, parts: [String], reason: String) {
        self.parts = parts
        // The default finds no word boundary in `handle.word`.
        self.pattern = pattern.wordBoundaryKind(.simple)
        self.reason = reason
    }
}

enum WordRules {
    /// The last letter of each word is in brackets, so that this table does not match itself.
    static var banned: [WordRule] {
        [
            WordRule(
                pattern: #/\bFoundation[.]Proces[s]\b|\bProcess[(][)]/#, parts: ["Proces"],
                reason: "it waits for grandchildren, as Packer's QEMU: use ProcessKit"),
            WordRule(
                pattern: #/\breadabilityHandle[r]\b/#, parts: ["readability"],
                reason: "it has no back-pressure: use LoopKit or a thread"),
            WordRule(
                pattern: #/DateFormatte[r]\b/#, parts: ["DateForm"],
                reason: "it makes the agent 43 MB larger: use Date.ISO8601FormatStyle"),
            WordRule(
                pattern: #/\btry[!]/#, parts: ["ry!"], reason: "a fault would end the program"),
            WordRule(pattern: #/\bas[!]/#, parts: ["s!"], reason: "a fault would end the program"),
            WordRule(
                pattern: #/\bfatalErro[r]\b/#, parts: ["fatal"],
                reason: "input must never end the program: throw"),
        ]
    }

    /// Waiting for time instead of the event makes a test slow, or wrong on a slow machine.
    static var bannedSleep: WordRule {
        WordRule(
            pattern: #/\bT(?:hread|ask)[.]slee[p]\b|(?:^|[^.\w])(?:u|nano)?slee[p][(]/#,
            parts: ["leep"],
            reason: "wait for the event: a fixed sleep is too long here and too short elsewhere")
    }

    /// Whether a sleep is the pause of a loop that polls for an event (`while` or `eventually`,
    /// found by the indentation that the format gives), or a declaration.
    private static func isHarmlessSleep(_ index: Int, in lines: [Substring]) -> Bool {
        if lines[index].contains("func ") { return true }
        let indentation = { (line: Substring) in line.prefix { $0 == " " }.count }
        var depth = indentation(lines[index])
        for line in lines[..<index].reversed()
        where line.contains(where: { $0 != " " }) && indentation(line) < depth {
            depth = indentation(line)
            if line.contains(#/^ *(?:while|repeat)\b|\beventually\(/#) { return true }
            guard line.contains(#/^ *(?:do|if|\})/#) else { return false }
        }
        return false
    }

    /// The decisions of a pure module depend on its arguments alone; otherwise it cannot be
    /// simulated.
    static var bannedInPureModules: WordRule {
        WordRule(
            pattern:
                #/
                \bDat[e][(][)] | \bDat[e][.]now\b | \bUUI[D][(][)] | [.]rando[m][(]
                | \bTas[k]\s*[.{] | Cloc[k][(][)] | \bFileManage[r]\b
                /#,
            parts: ["Dat", "UUI", "rando", "Tas", "Cloc", "FileManage"],
            reason: "a pure module takes time, chance and the world's state as values")
    }

    static func findings(in file: SourceFile) -> [Finding] {
        var rules = banned
        if case .pure = ImportRules.rule(for: file.path)?.kind { rules.append(bannedInPureModules) }
        if file.isTest { rules.append(bannedSleep) }
        rules.removeAll { !file.text.holds(anyOf: $0.parts) }
        let lines = file.codeLines
        let words = lines.enumerated().flatMap { index, line in
            rules.compactMap { rule -> Finding? in
                guard line.holds(anyOf: rule.parts),
                    let word = line.firstMatch(of: rule.pattern)?.output
                else { return nil }
                if word.contains("leep"), isHarmlessSleep(index, in: lines) { return nil }
                return Finding(
                    path: file.path, line: index + 1,
                    message: "`\(word)` is banned: \(rule.reason)")
            }
        }
        return words + unprovenSendable(file)
    }

    /// Shortest comment that can hold a proof.
    static let proofCharacters = 60

    /// A promise to the compiler about threads needs its proof above it, in a comment.
    private static func unprovenSendable(_ file: SourceFile) -> [Finding] {
        let lines = file.lines
        return file.codeLines.enumerated().compactMap { index, code in
            guard code.holds(anyOf: ["@unchecked"]),
                let word = code.firstMatch(of: #/@unchecked\s+Sendabl[e]\b/#)?.output
            else { return nil }
            var comment = ""
            for line in lines[..<index].reversed() {
                let text = line.drop { $0 == " " }
                if text.hasPrefix("//") { comment += text } else if !text.hasPrefix("@") { break }
            }
            guard comment.count < proofCharacters else { return nil }
            return Finding(
                path: file.path, line: index + 1,
                message: "`\(word)` without a paragraph above it that proves it")
        }
    }
}
