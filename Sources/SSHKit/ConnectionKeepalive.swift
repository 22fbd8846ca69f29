import LoopKit
import Support

/// The state of a host's keepalives.
struct Keepalive {
    var isAsking = false
    var missed = 0
    var receivedBytes: UInt64 = 0
}

/// Detects dead hosts: any byte from the host counts as a response. A connection without a channel
/// is not probed: nothing waits for it, and opening one has a deadline.
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
        let received = driver.receivedBytes
        let isSilent = keepalive.isAsking && received == keepalive.receivedBytes
        keepalive.missed = isSilent ? keepalive.missed + 1 : 0
        keepalive.receivedBytes = received
        if keepalive.missed >= SSHLimits.missedKeepalives {
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
