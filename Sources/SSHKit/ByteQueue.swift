import LoopKit

/// Reads pieces of a known size from a stream.
struct ByteQueue {
    private let stream: AsyncDescriptor
    private var buffer: [UInt8] = []

    init(stream: AsyncDescriptor) { self.stream = stream }

    mutating func bytes(_ count: Int) async throws -> [UInt8] {
        while buffer.count < count { try await fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    /// Reads up to a line feed, which is dropped together with a carriage return before it.
    mutating func line() async throws -> [UInt8] {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeFirst(end + 1) }
                let line = buffer[..<end]
                return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
            }
            guard buffer.count <= SSHLimits.bannerBytes else { throw WireReader.Malformed() }
            try await fill()
        }
    }

    private mutating func fill() async throws {
        let more = try await stream.read(upTo: 4096)
        guard !more.isEmpty else { throw WireReader.Malformed() }
        buffer += more
    }
}

/// The last bytes of a stream.
struct ByteTail {
    let limitBytes: Int
    private(set) var bytes: [UInt8] = []

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    mutating func append(_ more: some Collection<UInt8>) {
        bytes += more.suffix(limitBytes)
        if bytes.count > limitBytes { bytes.removeFirst(bytes.count - limitBytes) }
    }
}
