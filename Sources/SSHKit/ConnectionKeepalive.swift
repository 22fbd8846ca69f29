import CSSH2
import LoopKit
import Support

/// What is known of the host's life.
struct Keepalive {
    var isAsking = false
    var missed = 0
    var receivedBytes: UInt64 = 0
}

/// Finds dead hosts. libssh2's own keepalive is not used: it never takes the replies off its queue,
/// which then grows, and is searched, for as long as the connection lives. Instead an environment
/// variable is offered to a channel whose command runs already, which every server refuses; and any
/// byte from the host counts as a sign of life. A connection without a channel is not asked: nobody
/// waits on it, and whoever opens one has a deadline.
extension SSHConnection {
    func startKeepalive() {
        guard options.keepaliveSeconds > 0 else { return }
        let period = Int64(options.keepaliveSeconds) * 1000
        keepaliveTask = Task { [weak self, loop] in
            var next = Clocks.monotonicMilliseconds() + period
            while true {
                guard (try? await loop.sleep(untilMilliseconds: next)) != nil else { return }
                guard let self, await self.askForLife() else { return }
                next = Clocks.monotonicMilliseconds() + period
            }
        }
    }

    /// False: the connection is over.
    private func askForLife() -> Bool {
        guard let session else { return false }
        let received = session.transport.receivedBytes
        let isSilent = keepalive.isAsking && received == keepalive.receivedBytes
        keepalive.missed = isSilent ? keepalive.missed + 1 : 0
        keepalive.receivedBytes = received
        if keepalive.missed >= SSHLimits.missedKeepalives {
            fail(
                SSHError(
                    .connectionLost,
                    "\(endpoint.place) has not answered for "
                        + "\(keepalive.missed * options.keepaliveSeconds) s: the host or the "
                        + "network to it is down."))
            return false
        }
        if !keepalive.isAsking, let id = channels.keys.min() {
            keepalive.isAsking = true
            Task {
                try? await inTurn { try await self.ask(id) }
                keepalive.isAsking = false
            }
        }
        return true
    }

    private func ask(_ id: Int) async throws {
        let name = "SSHKIT_KEEPALIVE"
        _ = try await complete { [self] _ in
            // On a channel that the host has closed there is no reply.
            guard let channel = channels[id], !channel.isClosedByHost else { return 0 }
            return Int(
                libssh2_channel_setenv_ex(
                    channel.raw, name, UInt32(name.utf8.count), "", 0))
        }
    }
}
