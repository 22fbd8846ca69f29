/// What comes from outside carries its bounds in its type, and is taken apart at bytes.
enum UntrustedRules {
    /// What is read from the wire, from HTTP bodies and from rows.
    static let decodedFolders = [
        "Protocol/", "Coordinator/Core/Model/", "Coordinator/Core/Releases/",
    ]
    /// What reads the output of programs, templates and guests.
    static let readingFolders = ["Agent/", "Coordinator/", "Sources/aibuild/"]

    /// What decides about paths that strangers name.
    static let pathFolders = ["Agent/Core/", "Protocol/", "Sources/HTTPTypes/RequestTarget"]

    static func findings(in file: SourceFile) -> [Finding] {
        numbers(file)
            + matches(
                #/split\(separator: "\\n"\)/#, in: file, below: readingFolders,
                "Swift takes \\r\\n for one character: use `lines` of TextKit")
            + matches(
                #/split\(separator: "\/"|contains\("\/"\)|hasPrefix\("\/"\)/#, in: file,
                below: pathFolders,
                "a combining mark hides a slash from Swift: use TextKit's PathSegments")
    }

    private static func numbers(_ file: SourceFile) -> [Finding] {
        guard decodedFolders.contains(where: file.path.hasPrefix),
            file.codeLines.contains(where: { $0.contains(#/\bCodable\b/#) })
        else { return [] }
        return file.codeLines.enumerated().compactMap { index, line in
            guard line.contains(#/^\s*public var \w+: Int(64|32)?\??(\s*=.*)?$/#)
            else { return nil }
            return Finding(
                path: file.path, line: index + 1,
                message: "a number from outside without a range: @Bounded<…> (Protocol/Bounded)")
        }
    }

    private static func matches(
        _ pattern: Regex<Substring>, in file: SourceFile, below folders: [String],
        _ message: String
    ) -> [Finding] {
        guard folders.contains(where: file.path.hasPrefix) else { return [] }
        return file.codeLines.enumerated().compactMap { index, line in
            guard line.contains(pattern) else { return nil }
            return Finding(path: file.path, line: index + 1, message: message)
        }
    }
}
