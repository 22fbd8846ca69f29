import TextKit

/// Makes untrusted text safe for a terminal: it can colour its own line and do nothing else.
enum SafeText {
    /// One line as a terminal would show it. With `colours`, colours are kept and end with the
    /// line.
    static func line(_ text: String, colours: Bool = false) -> String {
        var scalars = text.unicodeScalars[...]
        while let last = scalars.last, last == "\r" || last == "\n" { scalars.removeLast() }
        var line = TerminalLine()
        line.write(Substring(scalars))
        return colours ? line.coloured() : line.plain()
    }

    /// Several lines, each as by `line`, without colours.
    static func lines(_ text: String) -> String {
        TerminalLine.plain(text)
    }
}
