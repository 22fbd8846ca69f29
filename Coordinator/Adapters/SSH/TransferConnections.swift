import CoordinatorCore
import LoopKit
import SSHKit
import Support

/// SSH connections for transfers, kept for a while after use: a handshake costs more than a small
/// artifact.
actor TransferConnections {
    private struct Idle {
        var connection: SSHConnection
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

    /// One that was kept, if there is any.
    func takeKept(_ host: Host) async -> SSHConnection? {
        await closeOld()
        return idle[key(host)]?.popLast()?.connection
    }

    func connect(to host: Host) async throws -> SSHConnection {
        let loop = loops[nextLoop % loops.count]
        nextLoop += 1
        return try await SSHConnection.connect(
            to: try SSHEndpoint(host.address),
            expecting: try SSHHostKey(host.hostKey),
            identity: identity, options: SSHLimits.transfer, loop: loop)
    }

    /// Takes back a connection whose last transfer was complete.
    func give(back connection: SSHConnection, _ host: Host) async {
        guard idle[key(host), default: []].count < SSHLimits.idleConnections else {
            return await connection.close()
        }
        idle[key(host), default: []].append(
            Idle(connection: connection, sinceMilliseconds: Clocks.monotonicMilliseconds()))
    }

    private func closeOld() async {
        let limit = Clocks.monotonicMilliseconds() - SSHLimits.idleMilliseconds
        for (host, connections) in idle {
            idle[host] = connections.filter { $0.sinceMilliseconds >= limit }
            for old in connections where old.sinceMilliseconds < limit {
                await old.connection.close()
            }
        }
    }

    private func key(_ host: Host) -> String { host.address + " " + host.hostKey }
}
