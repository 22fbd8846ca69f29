/// Parses the fields of SSH messages (RFC 4251, section 5) from untrusted bytes.
struct WireReader {
    struct Malformed: Error {}

    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { rest = ArraySlice(bytes) }

    mutating func bytes(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw Malformed() }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func byte() throws(Malformed) -> UInt8 {
        guard let byte = rest.popFirst() else { throw Malformed() }
        return byte
    }

    mutating func uint32() throws(Malformed) -> UInt32 {
        try bytes(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func string() throws(Malformed) -> ArraySlice<UInt8> {
        try bytes(Int(try uint32()))
    }

    /// A string of printable ASCII.
    mutating func text() throws(Malformed) -> String {
        let bytes = try string()
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { throw Malformed() }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func nameList() throws(Malformed) -> [String] {
        try text().split(separator: ",").map(String.init)
    }
}

/// Writes them.
enum Wire {
    static func uint32(_ value: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: value).bigEndian) { Array($0) }
    }

    static func string(_ bytes: [UInt8]) -> [UInt8] { uint32(bytes.count) + bytes }
}

extension [UInt8] {
    /// The bytes with a NUL after them.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { raw in
            raw.withMemoryRebound(to: CChar.self) { text in
                // There is at least the NUL.
                text.baseAddress.map(body) ?? body([0])
            }
        }
    }
}
