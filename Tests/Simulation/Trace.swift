import Glibc
import Support
import Synchronization

/// What happened, a line an event: hashed, so that two runs can be compared, and written to a file
/// when somebody wants to read it.
final class Trace: Sendable {
    private struct State: ~Copyable {
        var hasher = SHA256()
        var buffer: [UInt8] = []
        var lines = 0
    }

    private static let bufferBytes = 1 << 16
    private let state = Mutex(State())
    private let file: Descriptor?
    private let clock: VirtualClock

    /// - Parameter path: of the file, if one is wanted.
    init(clock: VirtualClock, path: String?) throws {
        self.clock = clock
        if let path {
            file = try Descriptor(path, O_WRONLY | O_CREAT | O_TRUNC)
        } else {
            file = nil
        }
    }

    func line(_ text: String) {
        let now = clock.monotonicMilliseconds()
        state.withLock { state in
            state.lines += 1
            state.buffer += String(now).utf8
            state.buffer.append(0x20)
            state.buffer += text.utf8
            state.buffer.append(0x0A)
            if state.buffer.count >= Self.bufferBytes { flush(&state) }
        }
    }

    var lines: Int { state.withLock { $0.lines } }

    /// The digest of all lines. Nothing can be added afterwards.
    func finish() -> String {
        state.withLock { state in
            flush(&state)
            var last = SHA256()
            swap(&last, &state.hasher)
            return last.finish()
        }
    }

    private func flush(_ state: inout State) {
        state.buffer.withUnsafeBytes { state.hasher.update($0) }
        if let fault = written(state.buffer) { complain(fault) }
        state.buffer.removeAll(keepingCapacity: true)
    }

    private func written(_ bytes: [UInt8]) -> SystemError? {
        do throws(SystemError) { try file?.writeAll(bytes) } catch { return error }
        return nil
    }

    private func complain(_ fault: SystemError) {
        Logger("simulation").error("cannot write the trace: \(fault)")
    }
}
