//! aibuild-demo-farm: a farm to look at: the coordinator's own service, database, API and pages,
//! with a history of two weeks and 40 hosts that only exist in memory and go on building. For `make
//! demo-page`, screenshots and tests of pages; it reaches no machine but this one.

import BuildProtocol
import CoordinatorAPI
import CoordinatorAdapters
import CoordinatorCore
import CoordinatorService
import Glibc
import HTTPServerKit
import HTTPTypes
import SQLKit
import Support

@main
enum DemoFarm {
    static func main() async {
        let arguments = CommandLine.arguments
        let days = arguments.count > 3 ? Int(arguments[3]) : 14
        guard (3...4).contains(arguments.count), let port = UInt16(arguments[1]), let days,
            (1...365).contains(days)
        else {
            print("usage: aibuild-demo-farm PORT FOLDER [DAYS OF HISTORY, 1 to 365]")
            exit(2)
        }
        do { try await run(port: port, folder: arguments[2], days: days) } catch {
            print("the demo farm ended: \(error)")
            exit(1)
        }
    }

    private static func run(port: UInt16, folder: String, days: Int) async throws {
        try Files.makeFolder(folder, mode: 0o700)
        let clock = SystemClock()
        let store = try await SQLStore.open(.sqlite(path: folder + "/farm.db"))
        let url = "http://127.0.0.1:\(port)"
        let candidate = Candidate(id: "demo", url: url, leaseMilliseconds: 365 * 86_400_000)
        guard let epoch = try await store.campaign(candidate).epoch(heldBy: candidate) else {
            throw HostFault(.refused, "another demo farm uses \(folder)")
        }
        let logs = try FileLogStore(folder: folder + "/logs")
        let history = History(
            writer: store.leading(epoch), reader: store, logs: logs,
            now: clock.unixMilliseconds(), days: days)
        try await history.write()
        let fleet = DemoHosts(now: clock.unixMilliseconds())
        var ports = Ports(
            store: store, gateway: fleet.gateway, logs: logs,
            webRoot: InMemoryWebRoot(
                baseURL: url, capacityBytes: 1 << 45, sha256: { SHA256.hex($0) }),
            templates: DemoTemplates(), clock: clock, ids: RandomIDs(), sheets: DemoSheets(),
            pages: url)
        ports.passwords = InMemoryPasswords()
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(epoch)
        let token = String(repeating: "demo", count: 8)
        let api = API(
            APIContext(
                coordinator: coordinator, ports: ports, webRootFolder: folder,
                logPath: { AttemptToken($0).map(logs.path) },
                standing: { .leading(epoch: epoch.number) },
                access: AccessControl(
                    directory: ports.directory, token: token, names: TrustedNames(url: url),
                    settings: AccessSettings(anonymous: .viewer)),
                url: url, version: "demo"))
        let server = HTTPServer(host: "127.0.0.1", port: port, admit: api.admission)
        try server.start()
        print("The demo farm is at \(url); its administrator's token is \(token)")
        await DemoDay(coordinator: coordinator, fleet: fleet).go()
    }
}
