//! PackerKit: reads Packer templates (JSON, HCL2, and HCL2 as JSON) far enough to know what they
//! refer to: variables, sources, versions and plugins. It never runs Packer, which validates the
//! template itself: what this cannot read is left to Packer, and refused only if Packer must refuse
//! it as well.

/// The limits of this kit, each with its reason.
public enum PackerLimits {
    /// A file of a template, or a file of variables.
    public static let fileBytes = 4 << 20
    /// Files of a folder that are read together.
    public static let files = 256
    /// Nesting of blocks and values: the parsers recurse.
    static let depth = 64
}

/// A place in a file of a template, for messages: `guest.json:3:5`.
public struct SourcePlace: Sendable, Hashable, Codable, CustomStringConvertible {
    public var file: String
    /// `line:column`, both from 1; a column counts bytes.
    public var position: String

    public init(file: String, position: String) {
        self.file = file
        self.position = position
    }

    public var description: String { "\(file):\(position)" }
}

/// A file with the byte offsets of its lines.
struct SourceText: Sendable {
    let file: String
    let bytes: [UInt8]
    private let lineStarts: [Int]

    init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
        lineStarts = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
    }

    func place(_ offset: Int) -> SourcePlace {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return SourcePlace(
            file: file, position: "\(low + 1):\(offset - lineStarts[low] + 1)")
    }
}
