/// Reading and writing of channels.
extension SSHConnection {
    func read(_ id: Int, upTo limitBytes: Int, atLeast leastBytes: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(limitBytes)
        while true {
            let count = try await onChannel(id, "reading failed") { channel in
                try channel.read(to: &bytes, limitBytes: limitBytes)
            }
            if count == 0 || bytes.count >= leastBytes {
                // A short result must not keep the memory of a large buffer.
                return bytes.count < limitBytes / 4 ? Array(bytes[...]) : bytes
            }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    func write(_ id: Int, _ bytes: [UInt8]) async throws {
        let what = "the command takes no more input"
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try await onChannel(id, what) { channel in try channel.write(rest) }
            rest = rest.dropFirst(count)
            try await drainOutput()
        }
        try await onChannel(id, what) { channel in try channel.flush() }
    }

    func sendEOF(_ id: Int) async throws {
        try await onChannel(id, "ending the input failed") { channel in try channel.sendEOF() }
        try await drainOutput()
    }

    func exitStatus(_ id: Int) async throws -> Int32? {
        try await onChannel(id, "waiting for the end failed") { channel in
            try channel.exitStatus()
        }
    }

    func stderrTail(_ id: Int) -> [UInt8] { channels[id]?.stderrTail.bytes ?? [] }
}
