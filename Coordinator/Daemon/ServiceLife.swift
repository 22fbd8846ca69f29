import CoordinatorAdapters
import CoordinatorService
import Glibc
import HTTPClientKit
import HTTPServerKit
import Support
import SystemdKit

/// Reports the state of this program to the service manager: ready, alive, stopping.
struct ServiceLife {
    let coordinator: Coordinator
    let leadership: Leadership
    let servers: APIServers
    let gate: RequestGate
    let store: SQLStore
    let settings: APISettings

    /// Everything is up: the port is bound, and this coordinator leads, with its builds resumed, or
    /// is a standby.
    func begin() async {
        gate.open()
        let url = settings.url(host: settings.listen, port: Int(servers.main.boundPort))
        Logger("coordinator").info("serving \(url)")
        await ServiceManager.ready("serving \(url)")
        let probe = HealthProbe(coordinator: coordinator, server: servers.main, settings: settings)
        Watchdog.start { await probe.isAlive() }
    }

    /// Stops everything in an order in which no request reaches a part that has stopped.
    func end(on signal: Int32) async {
        let log = Logger("coordinator")
        log.info("stopping on \(signal == SIGTERM ? "SIGTERM" : "SIGINT"); builds run on")
        await ServiceManager.stopping("builds run on")
        gate.close()
        await coordinator.stop()
        await leadership.keeper.resign()
        await servers.stop()
        await store.close()
        log.info("stopped")
    }
}

/// Exercises what the farm depends on: the coordinator's actors and its dispatcher, the server's
/// loop, a handler behind the router.
private struct HealthProbe {
    let coordinator: Coordinator
    let server: HTTPServer
    private let url: String
    private let http: HTTPClient
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 5, stallSeconds: 10, totalSeconds: 10)

    init(coordinator: Coordinator, server: HTTPServer, settings: APISettings) {
        self.coordinator = coordinator
        self.server = server
        url = settings.localURL(port: Int(server.boundPort)) + "/healthz"
        http = HTTPClient(tls: APISettings.ownTLS)
    }

    func isAlive() async -> Bool {
        guard await coordinator.pulse() else { return false }
        // A server with all connections in use is working; a restart would not help.
        if server.isFull { return true }
        return (try? await http.request("GET", url, timeouts: Self.timeouts).status) == 200
    }
}
