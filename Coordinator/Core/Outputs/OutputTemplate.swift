/// A file under `output/*.j2` of a template: text with `{{ name }}` in it. It supports the part of
/// Jinja2 that such files use: values, quoted texts, `{# comments #}`. Everything else is refused
/// with its position, so that no gap in a stack file is discovered only when it is deployed.
public struct OutputTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text(String)
        case value(name: String, place: String)
    }

    private let pieces: [Piece]

    /// - Parameter file: for messages.
    /// - Throws: `TemplateFault` with file, line and column.
    public init(_ text: String, file: String) throws(TemplateFault) {
        var parser = Parser(text, file)
        pieces = try parser.run()
    }

    /// The names that need a value, each once.
    public var names: Set<String> {
        Set(
            pieces.compactMap {
                if case .value(let name, _) = $0 { name } else { nil }
            })
    }

    /// - Throws: `TemplateFault` for a name without a value, with its position and the known names.
    public func render(_ values: [String: String]) throws(TemplateFault) -> String {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let part): text += part
            case .value(let name, let place):
                guard let value = values[name] else {
                    throw TemplateFault(
                        "\(place): unknown name '\(name)'; known names: "
                            + values.keys.sorted().joined(separator: ", "))
                }
                text += value
            }
        }
        return text
    }

    private struct Parser {
        private let characters: [Character]
        private let file: String
        private var index = 0
        private var line = 1
        private var column = 1
        private var pieces: [Piece] = []
        private var text = ""

        init(_ text: String, _ file: String) {
            characters = Array(text)
            self.file = file
        }

        mutating func run() throws(TemplateFault) -> [Piece] {
            while index < characters.count {
                if begins("{{") {
                    try value()
                } else if begins("{#") {
                    let place = place
                    _ = try take(until: "#}", place, "a comment")
                } else if begins("{%") {
                    throw TemplateFault(
                        "\(place): statements ({% … %}) are not supported, only {{ values }} and "
                            + "{# comments #}")
                } else {
                    text.append(characters[index])
                    advance()
                }
            }
            flush()
            return pieces
        }

        private mutating func value() throws(TemplateFault) {
            let place = place
            let inner = String(try take(until: "}}", place, "a value").drop(while: \.isWhitespace))
            let word = String(inner.reversed().drop(while: \.isWhitespace).reversed())
            if let quote = word.first, quote == "'" || quote == "\"", word.count >= 2,
                word.last == quote
            {
                text += word.dropFirst().dropLast()
                return
            }
            let isName =
                !word.isEmpty
                && word.allSatisfy { character in
                    character.isASCII
                        && (character.isLetter || character.isNumber || "._-".contains(character))
                }
            guard isName else {
                throw TemplateFault(
                    "\(place): '\(word.prefix(60))' is not a name: filters and expressions are not "
                        + "supported")
            }
            flush()
            pieces.append(.value(name: word, place: place))
        }

        /// Returns the text between the two characters here and `end`.
        private mutating func take(
            until end: String, _ place: String, _ what: String
        ) throws(TemplateFault) -> String {
            advance()
            advance()
            var inner = ""
            while !begins(end) {
                guard index < characters.count else {
                    throw TemplateFault("\(place): \(what) is not closed with \(end)")
                }
                inner.append(characters[index])
                advance()
            }
            advance()
            advance()
            return inner
        }

        private func begins(_ word: String) -> Bool {
            characters[index...].prefix(word.count).elementsEqual(word)
        }

        private var place: String { "\(file):\(line):\(column)" }

        private mutating func advance() {
            if characters[index].isNewline {
                line += 1
                column = 1
            } else {
                column += 1
            }
            index += 1
        }

        private mutating func flush() {
            if !text.isEmpty { pieces.append(.text(text)) }
            text = ""
        }
    }
}

/// A rendered file of `output/`, for a build or for a build in one environment.
public struct RenderedOutput: Sendable, Hashable {
    /// Without `.j2`.
    public var name: String
    /// The environment of the release; `nil` if it does not depend on one.
    public var environment: String?
    public var text: String

    public init(name: String, environment: String?, text: String) {
        self.name = name
        self.environment = environment
        self.text = text
    }

    /// `lab/stack.yml`, or `stack.yml`.
    public var path: String { environment.map { "\($0)/\(name)" } ?? name }
}
