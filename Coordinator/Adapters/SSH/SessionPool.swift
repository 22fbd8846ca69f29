import BuildProtocol
import CoordinatorCore
import LoopKit
import SSHKit
import Support

/// SSH sessions for transfers, kept for a while after use: a handshake costs more than a small
/// artifact.
actor SessionPool {
    private struct Idle {
        var session: BulkSession
        var sinceMilliseconds: Int64
    }

    private let identity: SSHIdentity
    private let loops: [EventLoop]
    private var nextLoop = 0
    private var idle: [String: [Idle]] = [:]

    init(identity: SSHIdentity, loops: [EventLoop]) {
        self.identity = identity
        self.loops = loops
    }

    func take(_ host: Host) async throws -> BulkSession {
        await closeOld()
        if let kept = idle[key(host)]?.popLast() { return kept.session }
        let loop = loops[nextLoop % loops.count]
        nextLoop += 1
        return try await BulkSession.connect(
            to: try SSHEndpoint(host.address),
            expecting: try SSHHostKey(host.hostKey),
            identity: identity, options: SSHLimits.bulk, loop: loop)
    }

    /// Only sessions whose last transfer ended well come back.
    func give(back session: BulkSession, _ host: Host) async {
        guard idle[key(host), default: []].count < SSHLimits.idleSessions else {
            return await session.close()
        }
        idle[key(host), default: []].append(
            Idle(session: session, sinceMilliseconds: Clocks.monotonicMilliseconds()))
    }

    private func closeOld() async {
        let limit = Clocks.monotonicMilliseconds() - SSHLimits.idleMilliseconds
        for (host, sessions) in idle {
            idle[host] = sessions.filter { $0.sinceMilliseconds >= limit }
            for old in sessions where old.sinceMilliseconds < limit { await old.session.close() }
        }
    }

    private func key(_ host: Host) -> String { host.address + " " + host.hostKey }
}
