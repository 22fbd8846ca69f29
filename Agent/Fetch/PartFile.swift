import AgentCore
import Glibc
import HTTPClientKit
import Support
import Synchronization

/// Writes the received bytes to the `.part` file, and reports progress once a second.
final class PartFile: DownloadSink {
    private struct State: ~Copyable {
        var file: Descriptor?
        var totalBytes: Int64?
        var nextReportMilliseconds: Int64 = 0
    }

    private let path: String
    private let state = Mutex(State())

    init(_ path: String) { self.path = path }

    func begin(offset: Int64, totalBytes: Int64?) throws {
        let file = try Descriptor(path, O_WRONLY | O_CREAT)
        if ftruncate(file.raw, Int(offset)) != 0 { throw SystemError.last("cannot cut \(path)") }
        if let totalBytes, try Files.room(path).free < totalBytes - offset {
            throw SystemError(errno: ENOSPC, "cannot keep the base image of \(totalBytes) bytes")
        }
        let raw = file.release()
        state.withLock { state in
            state.file = Descriptor(owning: raw)
            state.totalBytes = totalBytes
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try state.withLock { state throws in
            try state.file?.writeAll(bytes, at: offset)
            let now = Clocks.monotonicMilliseconds()
            guard now >= state.nextReportMilliseconds else { return }
            state.nextReportMilliseconds = now + AgentLimits.progressMilliseconds
            FetchProgram.emit(
                .progress(doneBytes: offset + Int64(bytes.count), totalBytes: state.totalBytes))
        }
    }
}
