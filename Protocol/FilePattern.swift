import TextKit

/// A pattern of paths, as shells have it: `*` stands for any text of one name, `?` for one
/// character, and a segment `**` for any number of folders. Neither `*` nor `?` stands for the dot
/// that begins a hidden name.
public struct FilePattern: Sendable, Hashable {
    public let text: String

    public init(_ text: String) { self.text = text }

    /// `nil` if it is a path inside a folder, else what is wrong with it.
    public static func problem(_ text: String) -> String? {
        Names.isInnerPath(text)
            ? nil
            : "\(Names.quoted(text)) is not a path inside the template or the output folder"
    }

    /// What the names of a path have to be, in order. The last one is that of a file.
    public var segments: [Segment] {
        let segments = text.pathSegments.map { Segment(String($0)) }
        return segments.last == .anyFolders ? segments + [Segment("*")] : segments
    }

    /// What one name of a path has to be.
    public enum Segment: Sendable, Hashable {
        case name(String)
        case wildcards([Unicode.Scalar])
        case anyFolders

        init(_ text: String) {
            if text == "**" {
                self = .anyFolders
            } else if text.unicodeScalars.contains(where: { $0 == "*" || $0 == "?" }) {
                self = .wildcards(Array(text.unicodeScalars))
            } else {
                self = .name(text)
            }
        }

        public func matches(_ name: String) -> Bool {
            switch self {
            case .name(let wanted): wanted.utf8.elementsEqual(name.utf8)
            case .wildcards(let pattern): Self.matches(pattern, Array(name.unicodeScalars))
            case .anyFolders: name.utf8.first != UInt8(ascii: ".")
            }
        }

        /// In time proportional to the product of both lengths: a later `*` never has to be undone
        /// for an earlier one.
        private static func matches(_ pattern: [Unicode.Scalar], _ name: [Unicode.Scalar]) -> Bool {
            if name.first == ".", pattern.first != "." { return false }
            var (place, next) = (0, 0)
            var retry: (star: Int, next: Int)?
            while next < name.count {
                if place < pattern.count, pattern[place] == "*" {
                    retry = (place, next)
                    place += 1
                } else if place < pattern.count,
                    pattern[place] == "?" || pattern[place] == name[next]
                {
                    place += 1
                    next += 1
                } else if let (star, start) = retry {
                    retry = (star, start + 1)
                    place = star + 1
                    next = start + 1
                } else {
                    return false
                }
            }
            return pattern[place...].allSatisfy { $0 == "*" }
        }
    }
}

extension FilePattern: Codable {
    public init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
