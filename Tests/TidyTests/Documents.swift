import Support

/// One Markdown document, parsed for headings, links and tables.
struct Document {
    /// Relative to the package's root.
    var path: String
    var text: String

    /// Its lines with their numbers, without fenced code and without code spans.
    private var prose: [(number: Int, text: String)] {
        var isCode = false
        var lines: [(number: Int, text: String)] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            if line.trimmingPrefix(while: { $0 == " " }).hasPrefix("```") {
                isCode.toggle()
            } else if !isCode {
                lines.append((index + 1, line.replacing(#/`[^`]*`/#, with: "`").description))
            }
        }
        return lines
    }

    /// The anchors of its headings, as GitHub generates them.
    var anchors: Set<String> {
        var anchors: Set<String> = []
        var seen: [String: Int] = [:]
        var isCode = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix("```") { isCode.toggle() }
            guard !isCode, let match = line.wholeMatch(of: #/#{1,6} +(.*)/#) else { continue }
            let slug = Self.slug(String(match.1))
            let count = seen[slug, default: 0]
            seen[slug] = count + 1
            anchors.insert(count == 0 ? slug : "\(slug)-\(count)")
        }
        return anchors
    }

    static func slug(_ heading: String) -> String {
        let words = heading.replacing(#/\[([^\]]*)\]\([^)]*\)/#) { String($0.1) }
        return String(
            words.lowercased().compactMap { character -> Character? in
                if character == " " { return "-" }
                let isKept = character.isLetter || character.isNumber || "-_".contains(character)
                return isKept ? character : nil
            })
    }

    /// Targets of links that stay within the package.
    var links: [(line: Int, target: String)] {
        prose.filter { $0.text.contains("](") }.flatMap { line in
            line.text.matches(of: #/\]\(([^)\s]+)\)/#).compactMap { match in
                let target = String(match.1)
                let isElsewhere = target.contains("://") || target.hasPrefix("mailto:")
                return isElsewhere ? nil : (line.number, target)
            }
        }
    }

    /// Rows of its tables, cell by cell.
    var rows: [(line: Int, cells: [String])] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
            index, line in
            guard line.hasPrefix("|") else { return nil }
            return (index + 1, line.split(separator: "|").map { String($0) })
        }
    }

    /// Every document of the package.
    static func all(root: String) throws -> [Document] {
        var paths = try Files.list(root).filter { $0.hasSuffix(".md") }
        for folder in ["Protocol", "Tests", "deploy", "docs", "examples"] {
            try collect(folder, root: root, into: &paths)
        }
        return try paths.sorted().map { path in
            let bytes = try Files.read("\(root)/\(path)", limitBytes: 1 << 20)
            return Document(path: path, text: String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func collect(_ folder: String, root: String, into paths: inout [String]) throws {
        for name in try Files.list("\(root)/\(folder)") where !name.hasPrefix(".") {
            let path = "\(folder)/\(name)"
            if name.hasSuffix(".md") {
                paths.append(path)
            } else if Files.kind("\(root)/\(path)") == .folder {
                try collect(path, root: root, into: &paths)
            }
        }
    }
}

enum LinkRules {
    /// Broken links.
    /// - Parameter exists: whether there is a file or folder at that path, relative to the root.
    static func findings(in documents: [Document], exists: (String) -> Bool) -> [Finding] {
        let byPath = Dictionary(documents.map { ($0.path, $0) }) { first, _ in first }
        return documents.flatMap { document in
            document.links.compactMap { line, target in
                problem(target, in: document, byPath, exists).map {
                    Finding(path: document.path, line: line, message: $0)
                }
            }
        }
    }

    private static func problem(
        _ target: String, in document: Document, _ byPath: [String: Document],
        _ exists: (String) -> Bool
    ) -> String? {
        let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        var path = document.path
        if let relative = parts.first, !relative.isEmpty {
            guard let resolved = resolve(String(relative), from: document.path) else {
                return "the link \(target) leaves the package"
            }
            path = resolved
            guard exists(path) else { return "the link \(target) leads to no file" }
        }
        guard parts.count == 2 else { return nil }
        guard let anchors = byPath[path]?.anchors, anchors.contains(String(parts[1])) else {
            return "the link \(target) names no heading of \(path)"
        }
        return nil
    }

    private static func resolve(_ relative: String, from path: String) -> String? {
        var parts = path.split(separator: "/").dropLast()
        for part in relative.split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                return nil
            }
        }
        return parts.joined(separator: "/")
    }
}
