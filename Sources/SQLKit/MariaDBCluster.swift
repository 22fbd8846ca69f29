import Synchronization

/// Connects to the first usable node, beginning with the one that worked last: all connections of
/// a pool go to one node as long as it lives, so that their transactions meet at its locks and not
/// at the cluster's certification.
final class MariaDBCluster: Sendable {
    private let nodes: [MariaDBEndpoint]
    private let current = Mutex(0)

    init(_ server: MariaDBEndpoint) { nodes = server.candidates }

    func connect() throws(SQLError) -> MariaDBConnection {
        let first = current.withLock(\.self)
        var refusals: [SQLError] = []
        for step in nodes.indices {
            let index = (first + step) % nodes.count
            do throws(SQLError) {
                let connection = try MariaDBConnection(nodes[index])
                current.withLock { $0 = index }
                return connection
            } catch {
                // A wrong password or a missing database is the same on each of them.
                guard error.code == .unreachable || error.code == .connectionLost else {
                    throw error
                }
                refusals.append(error)
            }
        }
        guard let last = refusals.last else { throw SQLError(.misuse, "no MariaDB node is named") }
        guard refusals.count > 1 else { throw last }
        let detail = refusals.map(\.description).joined(separator: "; ")
        throw SQLError(.unreachable, "no node of the cluster can be used: \(detail)")
    }
}
