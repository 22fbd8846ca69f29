import CMicroHTTPD
import HTTPTypes
import Synchronization

/// A streamed body for one client.
///
/// The library asks for bytes when the client can accept some. If there are none, the connection is
/// suspended and the source is asked for its next piece, which resumes the connection. So there is
/// never more than one piece in memory, and a slow client slows down its source.
final class StreamBody: Sendable {
    private struct State {
        var piece: [UInt8] = []
        /// Bytes of `piece` that were handed to the library.
        var taken = 0
        var isSuspended = false
        /// The source returned `nil`.
        var sourceEnded = false
        /// The end was reported to the library.
        var isComplete = false
        /// The server is stopping, or the client is gone: nothing more is sent.
        var isCut = false
        var asking: Task<Void, Never>?
    }

    private let source: any HTTPStreamSource
    private let connection: ConnectionHandle
    private let state = Mutex(State())

    init(_ source: any HTTPStreamSource, _ connection: ConnectionHandle) {
        self.source = source
        self.connection = connection
    }

    /// The library's content reader, on its thread: the number of bytes written, or how the body
    /// ends.
    func read(into buffer: UnsafeMutablePointer<CChar>, capacity: Int) -> Int {
        state.withLock { state in
            if state.isCut { return AIB_MHD_END_WITH_ERROR }
            if state.taken < state.piece.count { return Self.copy(&state, buffer, capacity) }
            if state.sourceEnded {
                state.isComplete = true
                return AIB_MHD_END_OF_STREAM
            }
            state.isSuspended = true
            connection.suspend()
            state.asking = Task { [source] in self.supply(await source.next()) }
            return 0
        }
    }

    /// Ends the stream as broken, so that a client does not take it for complete.
    func cut() {
        state.withLock { state in
            state.isCut = true
            state.asking?.cancel()
            wake(&state)
        }
    }

    /// The library no longer needs the body.
    func close() {
        let unfinished = state.withLock { state in
            state.isCut = true
            state.asking?.cancel()
            return !state.isComplete
        }
        if unfinished { Task { [source] in await source.cancelled() } }
    }

    private func supply(_ piece: [UInt8]?) {
        state.withLock { state in
            guard !state.isCut else { return }
            state.piece = piece ?? []
            state.taken = 0
            state.sourceEnded = piece == nil
            wake(&state)
        }
    }

    private func wake(_ state: inout State) {
        guard state.isSuspended else { return }
        state.isSuspended = false
        connection.resume()
    }

    private static func copy(
        _ state: inout State, _ buffer: UnsafeMutablePointer<CChar>, _ capacity: Int
    ) -> Int {
        let count = min(capacity, state.piece.count - state.taken)
        state.piece.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(start: buffer, count: count)
                .copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[state.taken...].prefix(count)))
        }
        state.taken += count
        if state.taken == state.piece.count {
            state.piece = []
            state.taken = 0
        }
        return count
    }
}
