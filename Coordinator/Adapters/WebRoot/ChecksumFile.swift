import Support
import TextKit

/// `SHA256SUMS` of one folder. It is replaced as a whole, so that readers see complete lines, and
/// kept in memory in between: to read it, to look for each of its files and to compose its lines
/// takes longer with each image that the folder holds.
struct ChecksumFile {
    private static let name = "SHA256SUMS"
    /// A line has up to 320 bytes: that of 200,000 files.
    private static let limitBytes = 64 << 20

    private struct Entry {
        var name: String
        var lineBytes: Int
    }

    private let place: String
    /// Sorted by name.
    private var entries: [Entry] = []
    /// The lines of all entries.
    private var text: [UInt8] = []
    /// Of the file as it was written or read last.
    private var stamp: String?

    init(_ place: String) { self.place = place }

    private var path: String { "\(place)/\(Self.name)" }

    /// - Parameters:
    ///   - added: replace older lines of the same names.
    ///   - removed: names whose lines are dropped.
    mutating func change(
        added: [(name: String, sha256: String)] = [], removed: [String] = []
    ) throws(SystemError) {
        let present = Files.stamp(path)
        if present == nil || present != stamp { try read() }
        for name in removed { set(name, line: []) }
        for (name, sha256) in added { set(name, line: Self.line(name, sha256)) }
        stamp = nil
        try Files.replace(path, with: text)
        stamp = Files.stamp(path)
    }

    private static func line(_ name: String, _ sha256: String) -> [UInt8] {
        Array("\(sha256)  \(name)\n".utf8)
    }

    /// - Parameter line: replaces an older one of the same name; empty if it is only dropped.
    private mutating func set(_ name: String, line: [UInt8]) {
        let index = position(name)
        let isThere = index < entries.count && entries[index].name == name
        let begin = entries[..<index].lazy.map(\.lineBytes).reduce(0, +)
        let end = begin + (isThere ? entries[index].lineBytes : 0)
        text.replaceSubrange(begin..<end, with: line)
        entries.replaceSubrange(
            index..<(isThere ? index + 1 : index),
            with: line.isEmpty ? [] : [Entry(name: name, lineBytes: line.count)])
    }

    /// Reads the file, without lines of files that do not exist.
    private mutating func read() throws(SystemError) {
        entries = []
        text = []
        guard Files.exists(path) else { return }
        var digests: [String: String] = [:]
        let present = String(
            decoding: try Files.read(path, limitBytes: Self.limitBytes), as: UTF8.self)
        for line in present.lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let name = String(parts[1].drop { $0 == " " || $0 == "*" })
            if Files.exists("\(place)/\(name)") { digests[name] = String(parts[0]) }
        }
        for (name, sha256) in digests.sorted(by: { $0.key < $1.key }) {
            let line = Self.line(name, sha256)
            entries.append(Entry(name: name, lineBytes: line.count))
            text += line
        }
    }

    /// Where the name is, or would be inserted.
    private func position(_ name: String) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
