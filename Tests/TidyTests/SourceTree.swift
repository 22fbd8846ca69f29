//! TidyTests: rules that the compiler does not check: imports, sizes, banned calls, format. It
//! reads the source tree as text, independent of what the code does.

import Glibc
import Support
import Testing

/// One Swift file of the package, as text.
struct SourceFile {
    /// Relative to the package's root.
    var path: String
    var text: String

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The lines without `//` comments. A URL in a string is cut as well, which does no harm here.
    var codeLines: [Substring] {
        lines.map { line in
            guard let comment = line.firstRange(of: "//") else { return line }
            return line[..<comment.lowerBound]
        }
    }

    var isTest: Bool { path.hasPrefix("Tests/") }
}

extension StringProtocol {
    /// Whether one of the words is in the text. Compares bytes in the C library: a regex costs a
    /// hundred times as much, in a build without optimization.
    func holds(anyOf words: [String]) -> Bool {
        String(self).withCString { text in
            words.contains { word in word.withCString { strstr(text, $0) != nil } }
        }
    }
}

/// The package on disk.
struct SourceTree {
    static let folders = ["Protocol", "Agent", "Coordinator", "Sources", "Tests", "bench"]

    let root: String
    let files: [SourceFile]

    static func packageRoot(of file: StaticString = #filePath) -> String {
        // <root>/Tests/TidyTests/SourceTree.swift
        Files.folder(of: Files.folder(of: Files.folder(of: "\(file)")))
    }

    init() throws {
        root = Self.packageRoot()
        var paths = ["Package.swift"]
        for folder in Self.folders { try Self.collect(folder, root: root, into: &paths) }
        files = try paths.filter { $0.hasSuffix(".swift") }.map { [root] path in
            let bytes = try Files.read("\(root)/\(path)", limitBytes: 1 << 20)
            return SourceFile(path: path, text: String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func collect(_ path: String, root: String, into paths: inout [String]) throws {
        switch Files.kind("\(root)/\(path)") {
        case .folder:
            for name in try Files.list("\(root)/\(path)").sorted() where !name.hasPrefix(".") {
                try collect("\(path)/\(name)", root: root, into: &paths)
            }
        case .file: paths.append(path)
        default: break
        }
    }
}

/// One violation of a rule, in the format of compilers, so that editors find its position.
struct Finding: CustomStringConvertible, Equatable {
    var path: String
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// Fails the test once for each finding.
func expectNone(
    _ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation
) {
    for finding in findings {
        Issue.record("\(finding)", sourceLocation: sourceLocation)
    }
}
