import CSSH2

/// What the connection keeps of a channel, and the two libssh2 calls that must be repeated with the
/// same arguments when they could not be finished (during a key exchange that the host began). With
/// others, the first puts its account of the window wrong and then drops data, the second reads
/// beyond the buffer.
final class OpenChannel {
    let raw: OpaquePointer
    var stderrTail = ByteTail(limitBytes: SSHLimits.stderrTailBytes)
    private let windowBytes: Int
    /// Bytes by which the window is being widened.
    private var adjustment: UInt?
    /// Bytes that libssh2 may have begun to send; a cancelled writer leaves them to the next call.
    private var pendingOutput: ArraySlice<UInt8> = []

    init(raw: OpaquePointer, windowBytes: Int) {
        self.raw = raw
        self.windowBytes = max(windowBytes, SSHLimits.smallestWindowBytes)
    }

    /// Reads from a stream (0, or `SSH_EXTENDED_DATA_STDERR`): a count, 0 at its end, or an error.
    func read(_ stream: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let window = libssh2_channel_window_read_ex(raw, nil, nil)
        if adjustment != nil || window < UInt(windowBytes) / 4 * 3 {
            let amount = adjustment ?? UInt(windowBytes) - window
            adjustment = amount
            let code = libssh2_channel_receive_window_adjust2(raw, amount, 1, nil)
            if code != 0 { return Int(code) }
            adjustment = nil
        }
        // libssh2 would widen the window by itself if it were narrower than what is asked for and
        // three quarters of the first one.
        let room = Int(libssh2_channel_window_read_ex(raw, nil, nil)) - SSHLimits.firstWindowBytes
        return libssh2_channel_read_ex(
            raw, stream, buffer.baseAddress, min(buffer.count, max(room, 1)))
    }

    /// Writes: how many of `bytes` libssh2 has taken, sent or not; `LIBSSH2_ERROR_EAGAIN` when it
    /// takes none.
    func write(_ bytes: ArraySlice<UInt8>) -> Int {
        let code = flush()
        if code != 0 { return code }
        let piece = bytes.prefix(SSHLimits.writeBytesAtOnce)
        pendingOutput = piece
        let outcome = flush()
        return outcome == 0 || outcome == Int(LIBSSH2_ERROR_EAGAIN) ? piece.count : outcome
    }

    /// 0 when libssh2 has sent all that it has taken.
    func flush() -> Int {
        while !pendingOutput.isEmpty {
            let count = pendingOutput.withUnsafeBytes { bytes in
                libssh2_channel_write_ex(raw, 0, bytes.baseAddress, bytes.count)
            }
            if count < 0 { return count }
            pendingOutput = pendingOutput.dropFirst(count)
        }
        pendingOutput = []  // an empty slice would still hold the writer's array
        return 0
    }

    /// The host has ended the channel: no reply and no wider window will come from it.
    var isClosedByHost: Bool { libssh2_channel_wait_closed(raw) == 0 }
}
