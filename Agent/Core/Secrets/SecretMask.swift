/// Replaces secrets in a stream of bytes before anything else sees them. What may be the beginning
/// of a secret is held back until more of the stream has arrived.
public struct SecretMask: Sendable {
    /// Longest first, so that the longest of several that match is replaced.
    private let secrets: [[UInt8]]
    private let starts: Set<UInt8>
    private var held: [UInt8] = []

    private static let replacement = Array("***".utf8)

    /// - Parameter values: contents of secrets. Of one with several lines, each line is a secret;
    ///   shorter ones than `AgentLimits.secretBytes` are not, because they occur everywhere.
    public init(_ values: some Sequence<[UInt8]>) {
        var all: Set<[UInt8]> = []
        for value in values {
            for line in [value[...]] + value.split(separator: 0x0A) {
                let line = Self.trimmed(line)
                guard line.count >= AgentLimits.secretBytes else { continue }
                all.formUnion(Self.forms(line))
            }
        }
        secrets = all.sorted { $0.count > $1.count }
        starts = Set(secrets.compactMap(\.first))
    }

    public var isEmpty: Bool { secrets.isEmpty }

    /// As programs print it: plain, in JSON, and in Packer's machine-readable output.
    private static func forms(_ line: [UInt8]) -> [[UInt8]] {
        let escaped = line.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
            case 0x0A: Array("\\n".utf8)
            default: [byte]
            }
        }
        let machine = line.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: ","): Array("%!(PACKER_COMMA)".utf8)
            case 0x0A: Array("\\n".utf8)
            default: [byte]
            }
        }
        return [line, escaped, machine]
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
        let rest = line.drop { $0 <= 0x20 }
        let end = rest.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? rest.startIndex
        return Array(rest[..<end])
    }

    /// - Returns: what can be shown now.
    public mutating func push(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        mask(held + bytes, isEnd: false)
    }

    /// - Returns: what was held back.
    public mutating func finish() -> [UInt8] {
        mask(held, isEnd: true)
    }

    /// A whole text.
    public func masked(_ bytes: [UInt8]) -> [UInt8] {
        var copy = self
        copy.held = []
        return copy.mask(bytes, isEnd: true)
    }

    private mutating func mask(_ bytes: [UInt8], isEnd: Bool) -> [UInt8] {
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count)
        var position = 0
        held = []
        while position < bytes.count {
            guard starts.contains(bytes[position]) else {
                shown.append(bytes[position])
                position += 1
                continue
            }
            let rest = bytes[position...]
            if let found = secrets.first(where: { rest.starts(with: $0) }) {
                shown += Self.replacement
                position += found.count
            } else if !isEnd, secrets.contains(where: { $0.starts(with: rest) }) {
                held = Array(rest)
                return shown
            } else {
                shown.append(bytes[position])
                position += 1
            }
        }
        return shown
    }
}
