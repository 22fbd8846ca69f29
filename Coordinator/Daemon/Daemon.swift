import ArgumentKit
import BuildProtocol
import CoordinatorAPI
import CoordinatorAdapters
import CoordinatorCore
import CoordinatorService
import Glibc
import HTTPServerKit
import HTTPTypes
import MetricsKit
import ProcessKit
import SQLKit
import Support
import Templates
import YAMLKit

/// Assembles adapters, service, API and server in the order of their dependencies, and shuts them
/// down on SIGTERM or SIGINT.
enum Daemon {
    static let version = ProgramVersion.current
    /// 2,048 connections of clients, a session and transfers for each of a thousand hosts, files.
    private static let descriptors = 16_384

    static func main() async {
        CoreDumps.forbid()
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            switch options.action {
            case .help(let text): print(text, terminator: "")
            case .version: print("aibuild-coordinator \(version)")
            case .check: try await check(options)
            case .run: try await run(try options.configuration())
            case .migrate(let isDryRun):
                try await DatabaseCommand.run(options.configuration(), isDryRun: isDryRun)
            case .backup(let folder, let keys, let keeps):
                try await BackupCommand.back(
                    up: options.configuration(), into: folder, keys: keys, keeps: keeps)
            case .restore(let folder, let keys, let replaces):
                try await BackupCommand.restore(
                    options.configuration(), from: folder, keys: keys, replaces: replaces)
            case .adminToken: try await AdminTokenCommand.run(options.configuration())
            }
        } catch let error as UsageError {
            let text = Array("\(Options.program.complaint(error))\n".utf8)
            _ = write(STDERR_FILENO, text, text.count)
            exit(UsageError.exitCode)
        } catch {
            Logger("coordinator").error("\(error)")
            exit(1)
        }
    }

    private static func run(_ configuration: Configuration) async throws {
        prepare(configuration)
        let stopSignal = try StopSignal()
        try Files.makeFolder(configuration.stateFolder, mode: 0o750)
        let shared = configuration.sharedState
        try Files.makeFolder(shared, mode: 0o750)
        try refuseUnfinishedRestore(configuration.places)
        let settings = configuration.api
        let certificate = try settings.certificateKeeper()
        let metrics = FarmMetric.metrics()
        let store = try await store(configuration, metrics)
        let lock = try lockState(configuration.stateFolder)
        let logs = try FileLogStore(folder: shared + "/logs")
        let git = git(configuration, store)
        let templates = try TemplateArchives(
            folder: shared + "/templates", access: git,
            checksums: ChecksumReader(networks: configuration.baseImageNetworks, access: git))
        let webRoot = try FolderWebRoot(
            folder: configuration.webRoot,
            baseURL: settings.baseURL ?? settings.url,
            logPath: { logs.path($0) })
        let plugins = configuration.pluginFolder.map { PluginFolder($0) }
        let gateway = try gateway(configuration, templates, plugins)
        var ports = Ports(
            store: store, gateway: gateway, logs: logs, webRoot: webRoot, templates: templates,
            clock: SystemClock(), ids: RandomIDs(), sheets: KitSheetFiles(),
            targets: Targets.all(configuration),
            templateServer: configuration.gitlab.map { GitLabServer($0) },
            retention: configuration.retention,
            retentionGraceMilliseconds: Int64(configuration.retentionGraceSeconds) * 1000,
            meter: FarmStorageMeter(
                webRoot: configuration.webRoot, logs: shared + "/logs",
                templates: shared + "/templates", store: store), limits: configuration.limits)
        ports.plugins = plugins
        addTelemetry(configuration, metrics, to: &ports)
        try addSignIn(configuration.signIn, to: &ports)
        addTriggers(configuration, to: &ports)
        let coordinator = Coordinator(ports: ports)
        let leadership = try await Leadership(configuration, store, coordinator, metrics)
        let setup = try setup(configuration)
        var context = APIContext(
            coordinator: coordinator, ports: ports, webRootFolder: configuration.webRoot,
            logPath: { AttemptToken($0).map { logs.path($0) } },
            standing: { await leadership.keeper.standing },
            storeProblem: { await leadership.keeper.problem },
            setupProblems: {
                setup.problems() + (plugins?.problems() ?? []) + (certificate?.problems() ?? [])
            },
            access: try configuration.access(ports.directory), url: settings.ownURL,
            version: version, templateSchema: TemplateKeys.schema)
        context.hostSetup = hostSetup(configuration, gateway)
        addTimes(configuration, certificate, to: &context)
        let api = API(context)
        let gate = RequestGate()
        let servers = APIServers(settings, certificate, gate, api)
        // The ports first: a second coordinator on this machine fails here, before it touches a
        // build.
        try servers.start()
        try certificate?.watch(servers.encrypted)
        let life = ServiceLife(
            coordinator: coordinator, leadership: leadership, servers: servers, gate: gate,
            store: store, settings: settings)
        let standby = Task { await ports.directory.keepCurrent(store, leadership.isLeading) }
        let campaign = Task { await leadership.run(onReady: { await life.begin() }) }
        let signal = await stopSignal.wait()
        campaign.cancel()
        standby.cancel()
        await life.end(on: signal)
        _ = consume lock
    }
}

extension Daemon {
    private static func prepare(_ configuration: Configuration) {
        LogFormat.current = configuration.logFormat
        Signals.ignore(SIGPIPE)
        DescriptorLimit.raise(to: descriptors)
    }

    private static func addTelemetry(
        _ configuration: Configuration, _ metrics: Metrics, to ports: inout Ports
    ) {
        ports.metrics = metrics
        ports.spans = TelemetrySettings.exporter(configuration, metrics)
    }

    /// What an operator is to be reminded of.
    private static func addTimes(
        _ configuration: Configuration, _ certificate: CertificateKeeper?,
        to context: inout APIContext
    ) {
        context.certificateExpiry = { certificate?.identity.expiresUnixSeconds }
        context.lastBackup = { [mark = BackupMark(configuration.places)] in mark.read() }
    }

    /// What would keep a coordinator from its start is thrown.
    private static func check(_ options: Options) async throws {
        let configuration = try options.configuration()
        for found in try configuration.setupCheck().problems() {
            print("\(found.problem). \(found.remedy)")
        }
        try await configuration.signIn.check { print($0) }
        print("\(options.file ?? "The default configuration") is sound")
    }

    private static func addSignIn(_ settings: SignInSettings, to ports: inout Ports) throws {
        ports.passwords = try YescryptPasswords()
        ports.identities = settings.keystone
        ports.browserIdentities = settings.openID.map { [clock = ports.clock] in
            OpenIDProvider($0, clock: clock)
        }
    }

    private static func store(
        _ configuration: Configuration, _ metrics: Metrics
    ) async throws -> SQLStore {
        try await SQLStore.open(
            configuration.location, keys: configuration.sealingKeys(),
            say: { Logger("store").warning($0) },
            observe: { call in
                let operation = [call.operation.rawValue]
                metrics.observe(FarmMetric.storeDuration, operation, call.seconds)
                if call.isFailed { metrics.add(FarmMetric.storeFailures, operation) }
            })
    }

    private static func git(_ configuration: Configuration, _ store: any Store) -> GitAccess {
        var git = configuration.git.access
        git.inherited = environment(GitAccess.proxyVariables)
        git.logins = configuration.git.logins.map {
            $0.login(configuration.secretSources, store)
        }
        return git
    }

    private static func gateway(
        _ configuration: Configuration, _ templates: TemplateArchives, _ plugins: PluginFolder?
    ) throws -> SSHHostGateway {
        try SSHHostGateway(
            identity: try configuration.identity(),
            template: { file, offset in
                // A host does not know what it is sent: both are named by their digests.
                if let bytes = try await plugins?.read(file, from: offset) { return bytes }
                return try await templates.read(file, from: offset)
            })
    }

    private static func hostSetup(
        _ configuration: Configuration, _ gateway: SSHHostGateway
    ) -> HostSetup {
        HostSetup(
            authorizedKey: { await gateway.authorizedKey() },
            packages: AgentPackageFolder(configuration.agentPackageFolder).packages)
    }

    private static func addTriggers(_ configuration: Configuration, to ports: inout Ports) {
        ports.timeZones = ZoneFiles()
        ports.secretSources = configuration.secretSources
        ports.imageRemover = configuration.imageRemover
        ports.hooks = configuration.hooks
        ports.requestQueue = configuration.requestQueue
        ports.profiles = configuration.profiles.map {
            HTTPProfiles(
                $0, memoryPath: configuration.sharedState + "/profiles.json",
                authorities: configuration.git.access.authorities)
        }
        ports.statusSender = HTTPStatusSender(authorities: configuration.git.access.authorities)
        ports.pages = configuration.api.url
        ports.notificationRules = configuration.notifications.rules
        ports.notificationSender = PlaceSender(configuration.notifications.addresses)
    }

    /// Logs at once what is missing; `aibuild doctor` asks again.
    private static func setup(_ configuration: Configuration) throws -> SetupCheck {
        let check = try configuration.setupCheck()
        for found in check.problems() {
            Logger("coordinator").warning("\(found.problem). \(found.remedy)")
        }
        return check
    }

    /// Those of the variables that are set.
    private static func environment(_ names: [String]) -> [String: String] {
        names.reduce(into: [:]) { values, name in
            if let value = getenv(name) { values[name] = String(cString: value) }
        }
    }

    /// A part of a database would be taken for all of it.
    private static func refuseUnfinishedRestore(_ places: FarmPlaces) throws {
        guard Files.exists(places.unfinishedMark) else { return }
        throw Failure(
            "a restore into \(places.sharedFolder) has not ended: run it again, or wait for its "
                + "end")
    }

    /// Two coordinators in one state folder would take each other for themselves.
    private static func lockState(_ folder: String) throws -> FileLock {
        let path = folder + "/lock"
        guard let lock = try FileLock.tryTake(path) else {
            let holder = FileLock.holder(path).map { " (process \($0))" } ?? ""
            throw Failure(
                "another coordinator\(holder) uses the state folder \(folder): stop it, or give "
                    + "this one a state_folder of its own")
        }
        try lock.recordHolder()
        return lock
    }
}

/// The kinds of environments that this coordinator can release to.
enum Targets {
    static func all(_ configuration: Configuration) -> [EnvironmentKind: any ReleaseTarget] {
        [
            .openstack: OpenStackTarget(hooksFolder: configuration.hooksFolder),
            .docker: DockerTarget(), .registry: RegistryTarget(),
        ]
    }
}
