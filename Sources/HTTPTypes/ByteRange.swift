/// A range request (RFC 9110 section 14).
public struct ByteRange: Sendable, Hashable {
    public var offset: Int64
    public var lengthBytes: Int64

    public init(offset: Int64, lengthBytes: Int64) {
        self.offset = offset
        self.lengthBytes = lengthBytes
    }

    public enum Outcome: Sendable, Hashable {
        /// No range, an unsupported one, or several: the RFC allows a server to send everything.
        case whole
        case part(ByteRange)
        /// Begins after the end: status 416.
        case unsatisfiable
    }

    /// `bytes=a-b`, `bytes=a-` or `bytes=-n` of a representation of `sizeBytes`.
    public static func parse(_ header: String?, sizeBytes: Int64) -> Outcome {
        guard let header, header.lowercased().hasPrefix("bytes=") else { return .whole }
        // A list may have empty elements, and white space around its commas.
        let specs = header.dropFirst("bytes=".count).split(separator: ",").map { item in
            var text = item.drop { $0 == " " || $0 == "\t" }
            while text.last == " " || text.last == "\t" { text.removeLast() }
            return text
        }.filter { !$0.isEmpty }
        guard specs.count == 1, let spec = specs.first else { return .whole }
        let parts = spec.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return .whole }
        if parts[0].isEmpty {
            guard let length = number(parts[1]) else { return .whole }
            guard length > 0 else { return .unsatisfiable }
            // Satisfiable by the RFC, but Content-Range cannot describe it.
            guard sizeBytes > 0 else { return .whole }
            let taken = min(length, sizeBytes)
            return .part(ByteRange(offset: sizeBytes - taken, lengthBytes: taken))
        }
        guard let first = number(parts[0]) else { return .whole }
        var last = Int64.max
        if !parts[1].isEmpty {
            guard let given = number(parts[1]), given >= first else { return .whole }
            last = given
        }
        guard first < sizeBytes else { return .unsatisfiable }
        return .part(
            ByteRange(offset: first, lengthBytes: min(last, sizeBytes - 1) - first + 1))
    }

    /// The value of `Content-Range` for this part.
    public func contentRange(sizeBytes: Int64) -> String {
        "bytes \(offset)-\(offset + lengthBytes - 1)/\(sizeBytes)"
    }

    /// Digits only: `Int64("+5")` would be taken otherwise. Too many digits mean "to the end".
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text) ?? .max
    }
}
