import BuildProtocol
import TextKit

/// A checksum file as publishers write it: `SHA256SUMS`, Fedora's `CHECKSUM`, or `….sha256`.
struct ChecksumList: Sendable {
    /// By file name, without folders, in the order of the file.
    private var digests: [(name: String, hex: String)] = []
    /// Of a file that consists of one digest.
    private var bare: String?
    private let algorithm: ImageDigest.Algorithm

    /// - Parameter bytes: in UTF-8 or, with a byte order mark, UTF-16, as PowerShell writes files.
    init(bytes: [UInt8], _ algorithm: ImageDigest.Algorithm) {
        func wide(_ high: Int) -> String {
            let units = stride(from: 2, to: bytes.count - 1, by: 2).map {
                UInt16(bytes[$0 + high]) << 8 | UInt16(bytes[$0 + 1 - high])
            }
            return String(decoding: units, as: UTF16.self)
        }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text =
            if bytes.starts(with: [0xFF, 0xFE]) {
                wide(1)
            } else if bytes.starts(with: [0xFE, 0xFF]) {
                wide(0)
            } else {
                String(
                    decoding: bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0),
                    as: UTF8.self)
            }
        self.init(text, algorithm)
    }

    init(_ text: String, _ algorithm: ImageDigest.Algorithm) {
        self.algorithm = algorithm
        for line in text.lines {
            let line = Self.trimmed(line)
            if let entry = Self.bsd(line, algorithm) ?? Self.gnu(line, algorithm) {
                digests.append(entry)
            } else if let hex = Self.hex(Substring(line), algorithm) {
                bare = bare ?? hex
            }
        }
    }

    /// The digest of a file of this name.
    /// - Returns: `nil` if there is none, or if there are several.
    func digest(of name: String) -> ImageDigest? {
        var found = Set(digests.filter { $0.name == name }.map(\.hex))
        if digests.isEmpty, let bare { found.insert(bare) }
        return found.count == 1
            ? found.first.map { ImageDigest(algorithm: algorithm, hex: $0) } : nil
    }

    /// What the file has instead, for a message.
    var contents: String {
        if digests.isEmpty { return "no \(algorithm.title) digests" }
        let names = digests.prefix(4).map { Names.quoted($0.name) }
        let others = digests.count > 4 ? " and \(digests.count - 4) others" : ""
        return names.joined(separator: ", ") + others
    }

    /// `SHA256 (debian.qcow2) = 3f…`, or `SHA256(debian.qcow2)= 3f…` and
    /// `SHA2-256(…)= 3f…` as OpenSSL writes it.
    private static func bsd(
        _ line: String, _ algorithm: ImageDigest.Algorithm
    ) -> (name: String, hex: String)? {
        let plain = algorithm.rawValue.uppercased()
        // OpenSSL 3 has another name for the family.
        let word =
            line.utf8.starts(with: "SHA2-".utf8)
            ? plain.replacing("SHA", with: "SHA2-") : plain
        let isOpenSSL = line.utf8.starts(with: (word + "(").utf8)
        let start = word + (isOpenSSL ? "(" : " (")
        guard line.utf8.starts(with: start.utf8),
            let end = line.ranges(of: isOpenSSL ? ")= " : ") = ").last,
            end.lowerBound > line.startIndex,
            let hex = hex(line[end.upperBound...], algorithm)
        else { return nil }
        let name = Substring(line.utf8.dropFirst(start.utf8.count))
        guard name.startIndex <= end.lowerBound else { return nil }
        return (fileName(name[..<end.lowerBound]), hex)
    }

    /// `3f…  debian.qcow2`, or ` *` for a binary file.
    private static func gnu(
        _ line: String, _ algorithm: ImageDigest.Algorithm
    ) -> (name: String, hex: String)? {
        let parts = line.split(maxSplits: 1) { $0 == " " || $0 == "\t" }
        guard parts.count == 2, let hex = hex(parts[0], algorithm) else { return nil }
        let rest = parts[1].drop { $0 == " " || $0 == "\t" }
        return (fileName(rest.first == "*" ? rest.dropFirst() : rest), hex)
    }

    private static func hex(
        _ text: Substring, _ algorithm: ImageDigest.Algorithm
    ) -> String? {
        let lower = text.lowercased()
        return Hex.isLowerCase(lower, count: algorithm.digits) ? lower : nil
    }

    private static func trimmed(_ line: Substring) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = line.drop(while: isSpace)
        guard let last = start.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(start[...last])
    }

    private static func fileName(_ path: Substring) -> String {
        path.pathSegments.last.map(String.init) ?? ""
    }
}
