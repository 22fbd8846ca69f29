/// A value of a template, as far as it can be read without evaluating it.
public indirect enum TemplateValue: Sendable, Hashable {
    case text(String)
    /// A number, `true`, `false` or `null`, as written.
    case word(String)
    /// Exactly the value of one user variable.
    case variable(String)
    case list([TemplateValue])
    case object([String: TemplateValue])
    /// Anything else: only Packer can evaluate it.
    case computed

    public var text: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }
}

extension TemplateValue {
    /// - Parameter isHCL: in `.pkr.json`, texts are HCL expressions; elsewhere Go templates.
    init(_ tree: JSONTree, isHCL: Bool = false) {
        switch tree.content {
        case .string(let text):
            if isHCL {
                self = Self.interpolated(text)
            } else if let name = GoTemplate.wholeVariable(text) {
                self = .variable(name)
            } else {
                self = GoTemplate.hasActions(text) ? .computed : .text(text)
            }
        case .word(let word): self = .word(word)
        case .null: self = .word("null")
        case .array(let items): self = .list(items.map { Self($0, isHCL: isHCL) })
        case .object(let members):
            self = .object(
                Dictionary(
                    members.map { ($0.key, Self($0.value, isHCL: isHCL)) },
                    uniquingKeysWith: { $1 }))
        }
    }

    private static func interpolated(_ text: String) -> TemplateValue {
        if let match = text.wholeMatch(of: #/\$\{\s*var\.([\w-]+)\s*\}/#) {
            return .variable(String(match.1))
        }
        return text.contains("${") || text.contains("%{") ? .computed : .text(text)
    }

    /// Of an HCL expression.
    init(_ text: [UInt8], in range: Range<Int>) {
        var lexer = HCLLexer(text, in: range)
        let value = Self.read(&lexer, depth: 0)
        var rest = lexer.next()
        while rest?.token == .newline { rest = lexer.next() }
        self = rest == nil ? value : .computed
    }

    private static func read(_ lexer: inout HCLLexer, depth: Int) -> TemplateValue {
        guard depth < PackerLimits.depth else { return .computed }
        while let (token, start) = lexer.next() {
            switch token {
            case .newline: continue
            case .string(let value?): return .text(value)
            case .string(nil):
                let raw = lexer.text[(start + 1)..<max(start + 1, lexer.position - 1)]
                return interpolated(String(decoding: raw, as: UTF8.self))
            case .word(let word):
                let name = word.wholeMatch(of: #/var\.([\w-]+)/#)?.1
                if let name { return .variable(String(name)) }
                let isLiteral =
                    ["true", "false", "null"].contains(word)
                    || word.utf8.first.map { (48...57).contains($0) || $0 == 45 } ?? false
                return isLiteral ? .word(word) : .computed
            case .mark("["): return list(&lexer, depth)
            case .mark("{"): return object(&lexer, depth)
            case .heredoc, .mark: return .computed
            }
        }
        return .computed
    }

    private static func list(_ lexer: inout HCLLexer, _ depth: Int) -> TemplateValue {
        var items: [TemplateValue] = []
        while let token = lexer.peek() {
            switch token {
            case .mark("]"):
                _ = lexer.next()
                return .list(items)
            case .mark(","), .newline: _ = lexer.next()
            default: items.append(item(&lexer, depth))
            }
        }
        return .computed
    }

    private static func object(_ lexer: inout HCLLexer, _ depth: Int) -> TemplateValue {
        var fields: [String: TemplateValue] = [:]
        while let (token, _) = lexer.next() {
            switch token {
            case .mark("}"): return .object(fields)
            case .mark(","), .newline: continue
            case .word(let key), .string(let key?):
                guard lexer.peek() == .mark("=") || lexer.peek() == .mark(":") else {
                    return .computed
                }
                _ = lexer.next()
                fields[key] = item(&lexer, depth)
            default: return .computed
            }
        }
        return .computed
    }

    /// An item of a list or object: up to the next comma, line end or closing mark outside of
    /// brackets.
    private static func item(_ lexer: inout HCLLexer, _ depth: Int) -> TemplateValue {
        var value = read(&lexer, depth: depth + 1)
        var open = 0
        while let token = lexer.peek() {
            switch token {
            case .mark(","), .newline, .mark("]"), .mark("}"):
                if open == 0 { return value }
                if token == .mark("]") || token == .mark("}") { open -= 1 }
            case .mark("["), .mark("{"), .mark("("): open += 1
            case .mark(")"): open = max(0, open - 1)
            default: break
            }
            value = .computed
            _ = lexer.next()
        }
        return value
    }
}
