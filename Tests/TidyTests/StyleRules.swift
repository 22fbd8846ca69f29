/// Limits of size: what can be read and understood at once.
enum StyleRules {
    static let fileLines = 300
    static let testFileLines = 400
    static let lineColumns = 100
    static let functionLines = 70

    static func findings(in file: SourceFile) -> [Finding] {
        fileLength(file) + lineLength(file) + functionLength(file)
    }

    private static func fileLength(_ file: SourceFile) -> [Finding] {
        let count = file.lines.count - (file.text.hasSuffix("\n") ? 1 : 0)
        let limit = file.isTest ? testFileLines : fileLines
        guard count > limit else { return [] }
        let message = "\(count) lines, at most \(limit): one type a file, split by concept"
        return [Finding(path: file.path, line: limit + 1, message: message)]
    }

    private static func lineLength(_ file: SourceFile) -> [Finding] {
        file.lines.enumerated().filter { $0.element.count > lineColumns }.map {
            let message = "\($0.element.count) columns, at most \(lineColumns)"
            return Finding(path: file.path, line: $0.offset + 1, message: message)
        }
    }

    /// Relies on the format: a body ends with the first `}` at the indentation of its declaration.
    private static func functionLength(_ file: SourceFile) -> [Finding] {
        let lines = file.lines
        return file.codeLines.enumerated().compactMap { start, code in
            guard code.holds(anyOf: ["func", "init", "subscript"]),
                code.contains(#/\b(func\s+\S+|init[?]?|subscript)\s*[(<]|\bdeinit\s*\{/#)
            else { return nil }
            let indentation = code.prefix { $0 == " " }
            let rest = lines[(start + 1)...]
            guard
                let end = rest.firstIndex(where: { line in
                    !line.isEmpty && line.prefix { $0 == " " }.count <= indentation.count
                        && !line.dropFirst(indentation.count).hasPrefix(")")
                }), lines[end].hasPrefix(indentation + "}")
            else { return nil }
            let count = end - start + 1
            guard count > functionLines else { return nil }
            let message = "a function of \(count) lines, at most \(functionLines)"
            return Finding(path: file.path, line: start + 1, message: message)
        }
    }
}
