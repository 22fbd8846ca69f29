/// What comes from outside carries its bounds in its type, and is taken apart at bytes.
enum UntrustedRules {
    /// What is read from the wire, from HTTP bodies and from rows.
    static let decodedFolders = [
        "Protocol/", "Coordinator/Core/Model/", "Coordinator/Core/Releases/",
    ]
    /// What adds up numbers of many hosts, builds and rows.
    static let addingFolders = ["Coordinator/"]

    /// What reads the output of programs, templates and guests.
    static let readingFolders = ["Agent/", "Coordinator/", "Sources/aibuild/"]

    /// What decides about paths that strangers name.
    static let pathFolders = ["Agent/Core/", "Protocol/", "Sources/HTTPTypes/RequestTarget"]

    /// What decides about safety: escaping, paths, names, addresses with credentials, headers,
    /// event streams, tokens.
    static let decidingPlaces = [
        "Coordinator/API/Access/", "Coordinator/API/Pages/HTML", "Coordinator/API/Events/EventText",
        "Coordinator/API/Routes/ImageRoutes", "Coordinator/Core/Model/GitAddress",
        "Coordinator/Core/Releases/EnvironmentRules", "Coordinator/Core/Releases/NamePattern",
        "Coordinator/Core/Releases/ReleaseRights", "Coordinator/Core/Releases/ReleasedImage",
        "Protocol/Names",
        "Sources/HTTPServerKit/", "Sources/HTTPTypes/Authority", "Sources/HTTPTypes/HTTPHeaders",
        "Sources/HTTPTypes/IPNetwork", "Sources/HTTPTypes/RequestTarget",
        "Sources/HTTPTypes/TrustedProxies", "Sources/aibuild/API/TokenSource",
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        numbers(file)
            + matches(
                #/
                \{\s*\$0\ [+-]\ \$1\b
                | [^&][+-]=\ .*\.
                    (?: \w*Bytes | \w*Milliseconds | \w*Seconds | vcpus | slots ) \b (?!\()
                /#, in: file, below: addingFolders,
                "each number is bounded, how many are added up is not: `clampedSum`, `&+=`, `&-=`")
            + matches(
                #/(?:split\(|^\s*)separator: "\\n"/#, in: file, below: readingFolders,
                "Swift takes \\r\\n for one character: use `lines` or `allLines` of TextKit")
            + matches(
                #/split\(separator: "\/"|contains\("\/"\)|hasPrefix\("\/"\)/#, in: file,
                below: pathFolders,
                "a combining mark hides a slash from Swift: use TextKit's PathSegments")
            + matches(
                #/
                \b (?: hasPrefix | hasSuffix | contains | trimmingPrefix ) \("
                | split\(separator:\ "
                | (?: first | last ) Index \(of:\ " | \. (?: first | last ) \s [!=]= \s "
                | Set<Character> | \. is (?: Letter | Number | Whitespace | Newline ) \b
                | \bfor \s \w+ \s in \s (?: \w* [tT] ext | name | path | value ) \s \{
                /#, in: file, below: decidingPlaces,
                "a decision about safety is made on bytes or scalars (.utf8, .unicodeScalars): a "
                    + "format character beside a character hides it from Swift")
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
        // The default finds no word boundary in `name.hasPrefix`.
        let pattern = pattern.wordBoundaryKind(.simple)
        return file.codeLines.enumerated().compactMap { index, line in
            guard line.contains(pattern) else { return nil }
            return Finding(path: file.path, line: index + 1, message: message)
        }
    }
}
