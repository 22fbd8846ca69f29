/// Splits a command as Python's `shlex.split`, which docker-py applies to a command in one string.
enum ShellWords {
    /// `nil` if a quote is not closed.
    static func split(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var characters = Array(text)[...]
        while let character = characters.popFirst() {
            switch (character, quote) {
            case (let end, let open?) where end == open: quote = nil
            case ("\\", "\""):
                guard let next = characters.popFirst() else { return nil }
                // Only these two can be escaped in double quotes.
                word = (word ?? "") + (next == "\"" || next == "\\" ? "" : "\\") + String(next)
            case (_, _?): word = (word ?? "") + String(character)
            case ("'", nil), ("\"", nil):
                quote = character
                word = word ?? ""
            case ("\\", nil):
                guard let next = characters.popFirst() else { return nil }
                word = (word ?? "") + String(next)
            case (let space, nil) where space.isWhitespace:
                if let word { words.append(word) }
                word = nil
            case (_, nil): word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        return quote == nil ? words : nil
    }
}
