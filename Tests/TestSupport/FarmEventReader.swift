public import HTTPClientKit
import Synchronization

/// The parser, used by the transfer's thread.
final class EventReader: Sendable {
    private let parser = Mutex(ServerSentEventParser())

    func feed(_ bytes: UnsafeRawBufferPointer) throws -> [ServerSentEvent] {
        try parser.withLock { try $0.feed(bytes) }
    }
}

/// What a follower of a build has received: the log's bytes, its offset, states, the end.
public final class FarmFollower: Sendable {
    private struct State {
        var log: [UInt8] = []
        var position: String?
        var states: [String] = []
        var hasEnded = false
    }

    private let state = Mutex(State())

    public init() {}

    public var log: [UInt8] { state.withLock(\.log) }
    public var position: String? { state.withLock(\.position) }
    public var states: [String] { state.withLock(\.states) }
    public var hasEnded: Bool { state.withLock(\.hasEnded) }

    public func take(_ event: ServerSentEvent) {
        state.withLock { state in
            switch event.name {
            case "log":
                state.log += Array(event.data.utf8) + [0x0A]
                state.position = event.id
            case "state": state.states.append(event.data)
            case "end": state.hasEnded = true
            default: break
            }
        }
    }
}
