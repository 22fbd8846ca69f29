import CLinux
import CSSH

/// The channel of a bulk session, with its account of the window.
final class BulkCommand {
    let raw: ssh_channel
    /// What libssh gave beyond what was asked for.
    private var ahead: ArraySlice<UInt8> = []
    private let windowBytes: Int
    /// Bytes read since the window was last opened fully.
    private var takenBytes: Int
    private let stderr: Stderr
    private let callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>

    private final class Stderr {
        var tail = ByteTail(limitBytes: SSHLimits.stderrTailBytes)
    }

    init(_ raw: ssh_channel, windowBytes: Int) {
        self.raw = raw
        self.windowBytes = windowBytes
        takenBytes = windowBytes
        stderr = Stderr()
        // libssh's own buffer for it shares the window, which a command that only complains would
        // fill.
        callbacks = .allocate(capacity: 1)
        var take = ssh_channel_callbacks_struct()
        take.size = MemoryLayout<ssh_channel_callbacks_struct>.size
        take.userdata = Unmanaged.passUnretained(stderr).toOpaque()
        take.channel_data_function = { _, _, data, count, isStderr, context in
            guard isStderr == 1, let context, let data else { return 0 }
            let stderr = Unmanaged<Stderr>.fromOpaque(context).takeUnretainedValue()
            stderr.tail.append(UnsafeRawBufferPointer(start: data, count: Int(count)))
            return Int32(count)
        }
        callbacks.initialize(to: take)
        ssh_set_channel_callbacks(raw, callbacks)
    }

    var stderrTail: [UInt8] { stderr.tail.bytes }

    /// Ends the command while its session lives on.
    func close() {
        ssh_remove_channel_callbacks(raw, callbacks)
        ssh_channel_close(raw)
        ssh_channel_free(raw)
        free()
    }

    /// To be called once, when libssh knows the channel no more.
    func free() { callbacks.deallocate() }

    /// What is here already of standard output: a count, 0 for nothing (yet), or an error.
    func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        if !ahead.isEmpty {
            let count = min(ahead.count, room.count)
            room.copyBytes(from: ahead.prefix(count))
            ahead = ahead.dropFirst(count)
            return count
        }
        // libssh opens the window as far as it is asked to read. Each packet of the host would be
        // answered by one if each call asked for all of it.
        guard takenBytes >= windowBytes / 2 else { return take(room) }
        takenBytes = 0
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: windowBytes) { buffer, count in
            result = take(UnsafeMutableRawBufferPointer(buffer))
            count = max(0, result)
        }
        guard result > 0 else { return result }
        ahead = bytes[...]
        return read(into: room)
    }

    private func take(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let count = ssh_channel_read_timeout(raw, room.baseAddress, UInt32(room.count), 0, 0)
        if count > 0 { takenBytes += Int(count) }
        // A host that closes without an EOF before: a command that was killed.
        if count < 0, ssh_channel_is_closed(raw) != 0, isAtEnd { return 0 }
        return Int(count)
    }

    var isAtEnd: Bool { ahead.isEmpty && ssh_channel_is_eof(raw) != 0 }

    /// How wide the window is to be: a round trip at full speed. A wider one costs the host: sshd
    /// reads ahead from its pipe as far as the window goes, in one buffer.
    static func windowBytes(roundTripMicroseconds: UInt32, _ options: SSHOptions) -> Int {
        let needed = Int(roundTripMicroseconds) * SSHLimits.windowBytesForMillisecond / 1000
        let least = min(SSHLimits.bulkWindowBytes, options.windowBytes)
        return max(least, min(needed, options.windowBytes), SSHLimits.smallestWindowBytes)
    }
}
