/// The size of types over all their files: dividing a type into extensions does not make it small.
enum TypeRules {
    static let typeLines = 400

    /// A type in a module, with the lines of its declaration and of its extensions there.
    struct TypeSize: Equatable {
        var name: String
        var lines: Int
        /// The path of the longest part.
        var path: String
        var line: Int
    }

    static func findings(in files: [SourceFile]) -> [Finding] {
        sizes(of: files).filter { $0.lines > typeLines }.map {
            Finding(
                path: $0.path, line: $0.line,
                message: "\($0.name) has \($0.lines) lines with its extensions, at most "
                    + "\(typeLines): divide its duties")
        }
    }

    /// The types of the product, largest first.
    static func sizes(of files: [SourceFile]) -> [TypeSize] {
        var modules: [String: [String: [Part]]] = [:]
        for file in files {
            guard let rule = ImportRules.rule(for: file.path), rule.kind != .test else { continue }
            for part in parts(of: file) {
                modules[rule.name, default: [:]][part.name, default: []].append(part)
            }
        }
        return modules.values.flatMap { types in
            types.compactMap { name, parts -> TypeSize? in
                guard let longest = parts.max(by: { $0.count < $1.count }) else { return nil }
                return TypeSize(
                    name: name, lines: parts.reduce(0) { $0 + $1.count }, path: longest.path,
                    line: longest.line)
            }
        }.sorted { ($0.lines, $1.name) > ($1.lines, $0.name) }
    }

    private struct Part {
        var name: String
        var count: Int
        var path: String
        var line: Int
    }

    /// Top-level declarations and extensions. Relies on the format: a body that has lines of its
    /// own ends with the first `}` without indentation.
    private static func parts(of file: SourceFile) -> [Part] {
        let declaration =
            #/
            ^ (?: @\w+ (?: \( [^)]* \) )? \s+ )*
            (?: (?: public | package | internal | private | fileprivate | final | indirect
                | nonisolated ) \s+ )*
            (?: actor | class | enum | protocol | struct | extension ) \s+ ([\w.]+)
            /#
        let code = file.codeLines
        return code.indices.compactMap { start in
            guard let match = code[start].prefixMatch(of: declaration) else { return nil }
            let isOneLine = code[start].contains("{") && code[start].last { $0 != " " } == "}"
            let end = isOneLine ? start : code[start...].firstIndex(of: "}") ?? start
            return Part(
                name: String(match.1), count: end - start + 1, path: file.path, line: start + 1)
        }
    }
}
