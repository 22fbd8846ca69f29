import Support
import TextKit

/// `SHA256SUMS` of one folder. It is replaced as a whole, so that readers see complete lines, and
/// kept in memory in between: to read it, and to look for each of its files, takes longer with each
/// image that the folder holds.
struct ChecksumFile {
    private static let name = "SHA256SUMS"
    /// A line has up to 320 bytes: that of 200,000 files.
    private static let limitBytes = 64 << 20

    private struct Entry {
        var name: String
        var sha256: String
    }

    private let place: String
    /// Sorted by name.
    private var entries: [Entry] = []
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
        for name in removed {
            let index = position(name)
            if index < entries.count, entries[index].name == name { entries.remove(at: index) }
        }
        for (name, sha256) in added {
            let index = position(name)
            let entry = Entry(name: name, sha256: sha256)
            if index < entries.count, entries[index].name == name {
                entries[index] = entry
            } else {
                entries.insert(entry, at: index)
            }
        }
        var text: [UInt8] = []
        for entry in entries {
            text += entry.sha256.utf8
            text += "  ".utf8
            text += entry.name.utf8
            text.append(0x0A)
        }
        stamp = nil
        try Files.replace(path, with: text)
        stamp = Files.stamp(path)
    }

    /// Reads the file, without lines of files that do not exist.
    private mutating func read() throws(SystemError) {
        entries = []
        guard Files.exists(path) else { return }
        var digests: [String: String] = [:]
        let text = String(
            decoding: try Files.read(path, limitBytes: Self.limitBytes), as: UTF8.self)
        for line in text.lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let name = String(parts[1].drop { $0 == " " || $0 == "*" })
            if Files.exists("\(place)/\(name)") { digests[name] = String(parts[0]) }
        }
        entries = digests.map { Entry(name: $0.key, sha256: $0.value) }
            .sorted { $0.name < $1.name }
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
