/// `Package.swift`, parsed as text, as its helper functions write it.
struct Manifest {
    struct Target: Equatable {
        var helper: String
        var name: String
        /// `nil` for test targets, which are in `Tests/<name>`.
        var folder: String?
        var dependencies: [String]
    }

    var targets: [Target]

    init(_ text: String) {
        let calls = text.matches(of: #/\b(module|program|tests|library)\(\s*"/#)
        targets = calls.map { call in
            let helper = String(call.1)
            let arguments = Self.arguments(text[call.range.lowerBound...])
            // Up to the first labelled argument, which is not a dependency.
            let positional = arguments.firstRange(of: ":").map { arguments[..<$0.lowerBound] }
            let parts = (positional ?? arguments).split(separator: "[", maxSplits: 1)
            let words = Self.strings(parts.first ?? "")
            return Target(
                helper: helper, name: words.first ?? "",
                folder: helper == "tests" ? nil : words.dropFirst().first,
                dependencies: parts.count > 1 ? Self.strings(parts[1]) : [])
        }
    }

    /// The text between a call's parentheses.
    private static func arguments(_ call: Substring) -> Substring {
        guard let open = call.firstIndex(of: "(") else { return "" }
        var depth = 0
        for index in call[open...].indices {
            if call[index] == "(" { depth += 1 }
            if call[index] == ")" { depth -= 1 }
            if depth == 0 { return call[call.index(after: open)..<index] }
        }
        return call[open...]
    }

    private static func strings(_ text: Substring) -> [String] {
        text.matches(of: #/"([^"]*)"/#).map { String($0.1) }
    }
}
