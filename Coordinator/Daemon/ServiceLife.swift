import CoordinatorAdapters
import CoordinatorService
import Glibc
import HTTPClientKit
import HTTPServerKit
import Support
import SystemdKit

/// What the service manager and the people at the other end see of this program's life: ready,
/// alive, ending.
struct ServiceLife {
    let coordinator: Coordinator
    let leadership: Leadership
    let server: HTTPServer
    let gate: RequestGate
    let store: SQLStore
    /// Where the server listens.
    let host: String

    /// Everything is up: the port is bound, and this coordinator leads, its state loaded, or stands
    /// by.
    func begin() async {
        gate.open()
        Logger("coordinator").info("serving http://\(host):\(server.boundPort)")
        await ServiceManager.ready("serving http://\(host):\(server.boundPort)")
        let probe = LifeProbe(coordinator: coordinator, server: server, host: host)
        Watchdog.start { await probe.isAlive() }
    }

    /// Stops everything in an order in which no request reaches what has stopped.
    func end(on signal: Int32) async {
        let log = Logger("coordinator")
        log.info("stopping on \(signal == SIGTERM ? "SIGTERM" : "SIGINT"); builds run on")
        await ServiceManager.stopping("builds run on")
        gate.close()
        await coordinator.stop()
        await leadership.keeper.resign()
        await server.stop()
        await store.close()
        log.info("stopped")
    }
}

/// Walks through what must work for the farm to get on: the coordinator's actor and its tick, the
/// server's loop, a handler's way through the router.
private struct LifeProbe {
    let coordinator: Coordinator
    let server: HTTPServer
    private let url: String
    private let http = HTTPClient()
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 5, stallSeconds: 10, totalSeconds: 10)

    init(coordinator: Coordinator, server: HTTPServer, host: String) {
        self.coordinator = coordinator
        self.server = server
        // An address that stands for all of the machine's is asked on loopback.
        let own =
            switch host {
            case "0.0.0.0", "": "127.0.0.1"
            case "::": "[::1]"
            default: host.contains(":") ? "[\(host)]" : host
            }
        url = "http://\(own):\(server.boundPort)/healthz"
    }

    func isAlive() async -> Bool {
        guard await coordinator.pulse() else { return false }
        // With every connection taken it serves, only not this one: a restart would help nobody.
        if server.isFull { return true }
        return (try? await http.request("GET", url, timeouts: Self.timeouts).status) == 200
    }
}
