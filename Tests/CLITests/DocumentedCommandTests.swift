import Support
import Testing

@testable import aibuild
import ArgumentKit

/// The documents show command lines that this program takes.
struct DocumentedCommandTests {
    private let root = Files.folder(of: Files.folder(of: Files.folder(of: #filePath)))

    @Test("Every aibuild command line in the documents is right")
    func commandLinesAreRight() throws {
        let lines = try documents().flatMap { path, text in
            commandLines(text).map { (path, $0) }
        }
        #expect(lines.count > 60)
        for (path, line) in lines {
            let words = shellWords(line)
            // `aibuild env add` in a sentence means the command, not a call of it.
            let isName = Commands.all.contains { ($0.name + " ").hasPrefix(line + " ") }
            guard !isName, !words.contains("COMMAND"), !words.contains("…") else { continue }
            #expect(throws: Never.self, "\(path): aibuild \(line)") {
                try CommandProgram.aibuild.parse(words)
            }
        }
    }

    private func documents() throws -> [(path: String, text: String)] {
        var paths = ["README.md", "CONTRIBUTING.md", "examples/mini-linux/README.md"]
        paths += try Files.list("\(root)/docs").filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
        return try paths.map { path in
            let bytes = try Files.read("\(root)/\(path)", limitBytes: 1 << 20)
            return (path, String(decoding: bytes, as: UTF8.self))
        }
    }

    /// What follows `aibuild ` in code spans, and at the start of lines of code.
    private func commandLines(_ text: String) -> [String] {
        var found: [String] = []
        var isCode = false
        // A backslash at its end continues a line.
        for line in text.replacing(#/\\\n */#, with: "").split(separator: "\n") {
            if line.hasPrefix("```") {
                isCode.toggle()
            } else if isCode {
                let bare = line.trimmingPrefix("$ ")
                guard bare.hasPrefix("aibuild ") else { continue }
                found.append(String(bare.dropFirst(8).replacing(#/ +#.*/#, with: "")))
            } else {
                found += line.matches(of: #/`aibuild ([^`]+)`/#).map { String($0.1) }
            }
        }
        return found
    }

    private func shellWords(_ line: String) -> [String] {
        line.matches(of: #/'([^']*)'|"([^"]*)"|(\S+)/#).map { match in
            String(match.1 ?? match.2 ?? match.3 ?? "")
        }
    }
}
