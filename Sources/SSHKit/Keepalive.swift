import LoopKit
import Support

/// Detects dead hosts: any byte from the host counts as a response.
struct Keepalive {
    /// Whether the host was asked and has not answered.
    var isAsking = false
    private(set) var missed = 0
    private var receivedBytes: UInt64 = 0

    /// Returns whether the host counts as dead.
    /// - Parameter received: bytes that came from the host so far.
    mutating func isDead(received: UInt64) -> Bool {
        missed = isAsking && received == receivedBytes ? missed + 1 : 0
        receivedBytes = received
        return missed >= SSHLimits.missedKeepalives
    }
}

/// A connection without a channel is not probed: nothing waits for it, and opening one has a
/// deadline.
extension SSHConnection {
    func startKeepalive() {
        guard options.keepaliveSeconds > 0 else { return }
        let period = Int64(options.keepaliveSeconds) * 1000
        keepaliveTask = Task { [weak self, loop] in
            while true {
                let next = Clocks.monotonicMilliseconds() + period
                guard (try? await loop.sleep(untilMilliseconds: next)) != nil,
                    await self?.probe() == true
                else { return }
            }
        }
    }

    /// Returns false if the connection has ended.
    private func probe() -> Bool {
        guard let driver else { return false }
        if keepalive.isDead(received: driver.receivedBytes) {
            fail(.silent(endpoint, seconds: keepalive.missed * options.keepaliveSeconds))
            return false
        }
        if !keepalive.isAsking, let id = channels.keys.min() {
            keepalive.isAsking = true
            Task {
                try? await inTurn {
                    try await self.onChannel(id, "asking for a sign of life failed") { channel in
                        try channel.probe()
                    }
                }
                keepalive.isAsking = false
            }
        }
        return true
    }
}
