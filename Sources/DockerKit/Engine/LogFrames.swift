/// The log of a container without a terminal is framed: one byte for the stream, three zero bytes,
/// four with the length.
enum LogFrames {
    static func payload(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        var payload: [UInt8] = []
        while rest.count >= 8 {
            let head = Array(rest.prefix(8))
            // Logs of a terminal have no frames.
            guard head[0] <= 2, head[1...3].allSatisfy({ $0 == 0 }) else { return bytes }
            let length = head[4...].reduce(0) { $0 << 8 | Int($1) }
            payload += rest.dropFirst(8).prefix(length)
            rest = rest.dropFirst(8 + length)
        }
        return payload
    }
}
