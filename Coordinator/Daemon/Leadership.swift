import CoordinatorAdapters
import CoordinatorCore
import CoordinatorService
import Glibc
import MetricsKit
import ProcessKit
import SQLKit
import Support

/// Campaigns for the lease, leads while it holds it, and restarts as a standby when another
/// coordinator has taken it.
struct Leadership: Sendable {
    let keeper: LeaseKeeper
    private let coordinator: Coordinator
    private let log = Logger("leadership")

    /// - Throws: `StoreError`, `SystemError`
    init(
        _ configuration: Configuration, _ store: SQLStore, _ coordinator: Coordinator,
        _ metrics: Metrics
    ) async throws {
        let run = try CoordinatorRun(stateFolder: configuration.stateFolder)
        keeper = LeaseKeeper(
            leases: try await Self.leases(configuration, store), clock: SystemClock(),
            id: run.id, predecessors: run.predecessors, url: configuration.api.url,
            limits: configuration.limits, metrics: metrics)
        self.coordinator = coordinator
    }

    func isLeading() async -> Bool {
        if case .leading = await keeper.standing { true } else { false }
    }

    /// Never returns.
    /// - Parameter onReady: called once, when this coordinator leads or is a standby.
    func run(onReady: @escaping @Sendable () async -> Void) async {
        await keeper.run(
            lead: { [coordinator] epoch in await coordinator.leadWithRetries(epoch) },
            onReady: onReady)
        guard !Task.isCancelled else { return }
        // Whatever this process still does, it does as a deposed leader: transfers, sessions,
        // half-done effects. Replacing the program ends all of it; deciding what to stop would be
        // another source of errors.
        log.warning("deposed: restarting as a standby")
        do { try Reexec.run() } catch {
            log.error("\(error): ending instead")
            exit(1)
        }
    }

    /// MariaDB is queried over separate connections, whose timeouts are shorter than the lease: a
    /// node that hangs must not keep this coordinator from trying the next one.
    private static func leases(
        _ configuration: Configuration, _ store: SQLStore
    ) async throws -> any LeaseStore {
        guard case .mariadb(var server) = configuration.database else { return store }
        server.connectTimeoutSeconds = 2
        server.statementTimeoutSeconds = 4
        return try await SQLStore.open(.mariadb(server))
    }
}
