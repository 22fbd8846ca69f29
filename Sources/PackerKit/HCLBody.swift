/// The blocks and attributes of an HCL2 file or block, in order.
struct HCLBody: Sendable {
    struct Attribute: Sendable {
        var name: String
        var start: Int
        /// Byte offsets of its expression.
        var expression: Range<Int>
    }

    struct Block: Sendable {
        var type: String
        var labels: [String]
        var start: Int
        /// The offsets behind its `{`, and of its `}`.
        var inner: Int
        var close: Int
        var body: HCLBody
    }

    var attributes: [Attribute] = []
    var blocks: [Block] = []

    subscript(name: String) -> Attribute? { attributes.last { $0.name == name } }

    func blocks(_ type: String) -> [Block] { blocks.filter { $0.type == type } }

    static func parse(_ text: [UInt8]) -> HCLBody {
        var lexer = HCLLexer(text)
        var body = HCLBody()
        // A stray `}` ends a body; what follows is read nevertheless.
        while lexer.position < text.count {
            let more = parse(&lexer, depth: 0)
            body.attributes += more.attributes
            body.blocks += more.blocks
        }
        return body
    }

    /// Up to the `}` of the block, or the end.
    private static func parse(_ lexer: inout HCLLexer, depth: Int) -> HCLBody {
        var body = HCLBody()
        while let (token, start) = lexer.next() {
            switch token {
            case .mark("}"): return body
            case .word(let name):
                if lexer.peek() == .mark("=") {
                    _ = lexer.next()
                    body.attributes.append(
                        Attribute(name: name, start: start, expression: expression(&lexer)))
                } else if let labels = labels(&lexer) {
                    let inner = lexer.position
                    guard depth < PackerLimits.depth else {
                        skipBlock(&lexer)
                        continue
                    }
                    let content = parse(&lexer, depth: depth + 1)
                    body.blocks.append(
                        Block(
                            type: name, labels: labels, start: start, inner: inner,
                            close: max(inner, lexer.position - 1), body: content))
                }
            default: break
            }
        }
        return body
    }

    /// The words and strings up to `{`, which is consumed; `nil` if the line is no block.
    private static func labels(_ lexer: inout HCLLexer) -> [String]? {
        var labels: [String] = []
        while let token = lexer.peek() {
            switch token {
            case .word(let label), .string(let label?): labels.append(label)
            case .mark("{"):
                _ = lexer.next()
                return labels
            default: return nil
            }
            _ = lexer.next()
        }
        return nil
    }

    /// Up to the end of the line, or the `}` of a block on one line; neither is consumed.
    private static func expression(_ lexer: inout HCLLexer) -> Range<Int> {
        var open = 0
        var range: Range<Int>?
        while let token = lexer.peek() {
            switch token {
            case .newline where open == 0: return range ?? lexer.position..<lexer.position
            case .mark("}") where open == 0: return range ?? lexer.position..<lexer.position
            case .mark("{"), .mark("["), .mark("("): open += 1
            case .mark("}"), .mark("]"), .mark(")"): open -= 1
            default: break
            }
            guard let (token, start) = lexer.next() else { break }
            if token != .newline {
                range = (range?.lowerBound ?? start)..<lexer.position
            }
        }
        return range ?? lexer.position..<lexer.position
    }

    private static func skipBlock(_ lexer: inout HCLLexer) {
        var open = 1
        while open > 0, let (token, _) = lexer.next() {
            switch token {
            case .mark("{"): open += 1
            case .mark("}"): open -= 1
            default: break
            }
        }
    }
}
