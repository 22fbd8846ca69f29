import CoordinatorCore
import Synchronization

/// The bytes transferred so far, for followers and for the stall watch.
final class TransferProgress: Sendable {
    private struct State {
        var finishedFiles: Int64 = 0
        var current: Int64 = 0
        var announced: Int64 = 0
        var lastByte: Int64
        /// What came over the network, and how long that took before the current pull.
        var pulled: Int64 = 0
        var pulledMilliseconds: Int64 = 0
        var pullBegan: Int64?
    }

    let totalBytes: Int64
    private let state: Mutex<State>
    private let clock: any TimeSource
    /// Followers are notified once per this many bytes, not for every piece.
    private static let announceBytes: Int64 = 8 << 20

    init(totalBytes: Int64, ports: Ports) {
        self.totalBytes = totalBytes
        clock = ports.clock
        state = Mutex(State(lastByte: clock.monotonicMilliseconds()))
    }

    var detail: LiveDetail {
        LiveDetail(phase: "pulling the image", doneBytes: doneBytes, totalBytes: totalBytes)
    }
    var doneBytes: Int64 { state.withLock { $0.finishedFiles + $0.current } }
    var lastByteMilliseconds: Int64 { state.withLock { $0.lastByte } }

    func begin(at offset: Int64) {
        let now = clock.monotonicMilliseconds()
        state.withLock {
            $0.current = offset
            $0.lastByte = now
            $0.pullBegan = now
        }
    }

    /// Until the next `begin`, nothing is expected of the host.
    func pause() {
        let now = clock.monotonicMilliseconds()
        state.withLock {
            guard let began = $0.pullBegan else { return }
            $0.pulledMilliseconds += now - began
            $0.pullBegan = nil
        }
    }

    /// Whether all pulls together took longer than a quiet time and this rate allow.
    func isOverdue(quietMilliseconds: Int64, bytesPerSecond: Int64) -> Bool {
        let now = clock.monotonicMilliseconds()
        return state.withLock {
            let took = $0.pulledMilliseconds + ($0.pullBegan.map { now - $0 } ?? 0)
            return took > quietMilliseconds + $0.pulled / max(1, bytesPerSecond) * 1000
        }
    }

    /// - Returns: whether followers should be notified.
    func add(_ bytes: Int64) -> Bool {
        let now = clock.monotonicMilliseconds()
        return state.withLock {
            $0.current += bytes
            $0.pulled += bytes
            $0.lastByte = now
            let done = $0.finishedFiles + $0.current
            guard done - $0.announced >= Self.announceBytes || done == totalBytes else {
                return false
            }
            $0.announced = done
            return true
        }
    }

    func fileDone(_ bytes: Int64) {
        state.withLock {
            $0.finishedFiles += bytes
            $0.current = 0
        }
    }
}

/// How long a connected host may fail to deliver another byte of an artifact.
struct TransferPatience {
    private let ports: Ports
    private var doneBytes: Int64
    private var quietSince: Int64

    init(_ ports: Ports, doneBytes: Int64) {
        self.ports = ports
        self.doneBytes = doneBytes
        quietSince = ports.clock.monotonicMilliseconds()
    }

    /// Whether a retry after this error is pointless.
    mutating func ends(with error: any Error, doneBytes: Int64) -> Bool {
        let now = ports.clock.monotonicMilliseconds()
        // A full web root is not the host's fault.
        if doneBytes > self.doneBytes || !(error is HostFault) { quietSince = now }
        self.doneBytes = max(self.doneBytes, doneBytes)
        return now - quietSince >= ports.limits.pullQuietMilliseconds
    }
}
