import CoordinatorCore
import Support
import TextKit

/// What is remembered of the package sources of an image: a digest of each that was read, so that
/// one that cannot be read now does not hide the others.
struct PackageMarks: Equatable {
    /// By the text of the source.
    private(set) var digests: [String: String] = [:]
    /// Of all sources together, as older versions wrote it.
    private var whole: String?

    init(_ digests: [String: String] = [:]) { self.digests = digests }

    private static let opening = "packages"

    /// - Parameter text: as `text` wrote it, or an older version.
    init(text: String) {
        let lines = text.lines.map { $0.split(separator: " ", maxSplits: 1).map(String.init) }
        for words in lines where words.count == 2 {
            if words[0] == Self.opening {
                whole = words[1]
            } else {
                digests[words[1]] = words[0]
            }
        }
    }

    /// A line for each source.
    var text: String {
        var lines = digests.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        if let whole { lines.insert("\(Self.opening) \(whole)", at: 0) }
        return lines.joined(separator: "\n")
    }

    /// What the sources that were read now have changed.
    /// - Parameter all: the digests that an older version made its mark of; `nil` if a source could
    ///   not be read.
    func taking(_ new: [String: String], whole all: String?) -> (marks: PackageMarks, Bool) {
        var marks = PackageMarks(digests.merging(new) { $1 })
        var isChanged = new.contains { name, digest in (digests[name] ?? digest) != digest }
        if let whole {
            if let all {
                isChanged = isChanged || all != whole
            } else {
                marks.whole = whole
            }
        }
        return (marks, isChanged)
    }
}
