import AgentCore
import BuildProtocol
import Glibc
import HTTPClientKit
import ProcessKit
import Support
import Synchronization

/// One download into a `.part` file, driven from the supervisor's thread: it shows the progress and
/// heeds cancel and timers while the transfer runs on a thread of its own.
struct BaseImageDownload {
    let context: AttemptContext
    let request: DownloadRequest
    let part: String

    func run() throws -> DownloadResult {
        let sink = PartSink(part)
        let done = try SharedResult()
        let task = Task { [request] in
            do throws(HTTPClientError) {
                done.set(.success(try await HTTPClient().download(request, to: sink)))
            } catch {
                done.set(.failure(error))
            }
        }
        do {
            try follow(sink, done)
        } catch {
            task.cancel()
            // The transfer may write until it has noticed.
            while done.result == nil { try done.wait(timeoutMilliseconds: -1) }
            throw error
        }
        guard let result = done.result else { throw Failure("the download did not end") }
        return try result.get()
    }

    private func follow(_ sink: PartSink, _ done: SharedResult) throws {
        var nextLog = Clocks.monotonicMilliseconds() + AgentLimits.progressLogMilliseconds
        while done.result == nil {
            let timeout = Int32(AgentLimits.progressMilliseconds)
            try done.wait(timeoutMilliseconds: timeout, alsoFor: context.control.watch.descriptor)
            try context.checkpoint()
            context.sampleDisk()
            if done.result != nil { return }
            let words = sink.progress.words
            try context.report(.preparing, words)
            if Clocks.monotonicMilliseconds() >= nextLog {
                try context.log.say(words)
                nextLog = Clocks.monotonicMilliseconds() + AgentLimits.progressLogMilliseconds
            }
        }
    }
}

/// How far a download is.
struct FetchProgress: Sendable {
    var doneBytes: Int64 = 0
    var totalBytes: Int64?

    var words: String {
        let done = "\(doneBytes >> 20) MiB"
        guard let totalBytes, totalBytes > 0 else { return "fetching base image, \(done)" }
        return "fetching base image, \(doneBytes * 100 / totalBytes) % "
            + "(\(done) of \(totalBytes >> 20) MiB)"
    }
}

/// The result of a task, waited for by a thread.
private final class SharedResult: Sendable {
    typealias Outcome = Result<DownloadResult, HTTPClientError>

    private let stored = Mutex<Outcome?>(nil)
    private let wakeUp: WakeUp

    init() throws(SystemError) { wakeUp = try WakeUp() }

    var result: Outcome? { stored.withLock { $0 } }

    func set(_ result: Outcome) {
        stored.withLock { $0 = result }
        wakeUp.signal()
    }

    func wait(timeoutMilliseconds: Int32) throws {
        _ = try Wait.readable(
            [wakeUp.descriptor.raw], timeoutMilliseconds: timeoutMilliseconds)
    }

    func wait(timeoutMilliseconds: Int32, alsoFor other: borrowing Descriptor) throws {
        _ = try Wait.readable(
            [wakeUp.descriptor.raw, other.raw], timeoutMilliseconds: timeoutMilliseconds)
    }
}

/// Writes what comes to the `.part` file.
private final class PartSink: DownloadSink {
    private struct State: ~Copyable {
        var file: Descriptor?
        var progress = FetchProgress()
    }

    private let path: String
    private let state = Mutex(State())

    init(_ path: String) { self.path = path }

    var progress: FetchProgress { state.withLock { $0.progress } }

    func begin(offset: Int64, totalBytes: Int64?) throws {
        let file = try Descriptor(path, O_WRONLY | O_CREAT)
        if ftruncate(file.raw, Int(offset)) != 0 { throw SystemError.last("cannot cut \(path)") }
        if let totalBytes, try Files.room(path).free < totalBytes - offset {
            throw SystemError(errno: ENOSPC, "cannot keep the base image of \(totalBytes) bytes")
        }
        let raw = file.release()
        state.withLock { state in
            state.file = Descriptor(owning: raw)
            state.progress = FetchProgress(doneBytes: offset, totalBytes: totalBytes)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try state.withLock { state throws in
            try state.file?.writeAll(bytes, at: offset)
            state.progress.doneBytes = offset + Int64(bytes.count)
        }
    }
}
