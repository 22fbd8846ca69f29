public import CoordinatorCore
import Support

/// What a coordinator can do while it leads. It is created from a lease epoch, and only it can
/// write.
public struct Leader: Sendable {
    public let hosts: HostAdministration
    public let guestOSes: GuestOSCatalog
    public let testCases: TestCaseCatalog
    public let sheets: SheetImport
    public let submission: BuildSubmission
    public let cancellation: BuildCancellation
    public let deliveries: Deliveries
    public let deliveryRequests: DeliveryRequests
    public let requests: BuildRequests
    public let profiles: Profiles
    /// Queued and running builds.
    public let tracker: BuildTracker
    public let results: ResultBoard
    public let releaseBoard: ReleaseBoard
    public let schedules: Schedules
    public let retention: ImageRetention
    public let storage: StorageGauge
    public let releases: Releases
    public let releaseRequests: ReleaseRequests
    public let releaseCancellation: ReleaseCancellation
    public let environments: EnvironmentCatalog
    public let secrets: SecretCatalog
    public let keyChange: KeyChange
    public let users: Users
    public let tokens: Tokens
    public let signIns: SignIns
    public let browserSignIns: BrowserSignIns
    public let notifications: Notifications
    /// Records the reports of the original AIBuild's jobs.
    public let historic: any HistoricWriter
    private let ports: Ports
    private let fleet: HostFleet
    private let dispatcher: Dispatcher
    private let drains: DrainWatch
    private let statuses: CommitStatuses
    private let removal: RemoteImageRemoval
    private let accessUpkeep: AccessUpkeep

    init(ports: Ports, epoch: LeaseEpoch, changes: ChangeHub) {
        let store = ports.store.leading(epoch)
        let wakeup = Wakeup()
        var ports = ports
        ports.webRoot = LeadingWebRoot(ports.webRoot, epoch)
        self.ports = ports
        notifications = Notifications(ports: ports, store: store)
        releaseBoard = ReleaseBoard(ports)
        releases = Releases(
            ports: ports, store: store, notifications: notifications, board: releaseBoard)
        releaseRequests = ReleaseRequests(ports: ports, store: store, releases: releases)
        releaseCancellation = ReleaseCancellation(ports: ports, store: store, releases: releases)
        environments = EnvironmentCatalog(
            ports: ports, store: store, releases: releases, cancellation: releaseCancellation)
        secrets = SecretCatalog(ports: ports, store: store)
        keyChange = KeyChange(ports: ports, store: store)
        let access = AccessChanges(ports: ports, store: store)
        let turns = PasswordTurns()
        users = Users(ports: ports, changes: access, turns: turns)
        tokens = Tokens(ports: ports, changes: access)
        signIns = SignIns(ports: ports, changes: access, turns: turns, users: users)
        browserSignIns = BrowserSignIns(signIns)
        accessUpkeep = AccessUpkeep(access)
        fleet = HostFleet(ports: ports, epoch: epoch, wakeup: wakeup)
        schedules = Schedules(ports: ports, store: store)
        statuses = CommitStatuses(ports: ports, store: store)
        results = ResultBoard(ports)
        tracker = BuildTracker(
            ports: ports, store: store, fleet: fleet, releases: releases,
            news: BuildNews(
                changes: changes, statuses: statuses, schedules: schedules,
                notifications: notifications, results: results),
            wakeup: wakeup)
        dispatcher = Dispatcher(
            ports: ports, store: store, fleet: fleet, tracker: tracker, wakeup: wakeup)
        retention = ImageRetention(
            ports: ports, store: store, tracker: tracker, releases: releases)
        removal = RemoteImageRemoval(ports: ports, store: store)
        storage = StorageGauge(ports: ports)
        drains = DrainWatch(ports: ports, fleet: fleet, tracker: tracker)
        hosts = HostAdministration(
            ports: ports, store: store, fleet: fleet, tracker: tracker, watch: drains)
        submission = BuildSubmission(
            ports: ports, store: store, tracker: tracker, fleet: fleet,
            check: TemplateCheck(ports: ports, fleet: fleet), schedules: schedules)
        cancellation = BuildCancellation(ports: ports, store: store, tracker: tracker)
        let supersession = Supersession(ports: ports, store: store, tracker: tracker)
        deliveries = Deliveries(
            ports: ports, store: store,
            trigger: ReportTrigger(
                ports: ports, submission: submission, supersession: supersession),
            requests: RequestTrigger(
                ports: ports, submission: submission, supersession: supersession))
        profiles = Profiles(ports: ports, deliveries: deliveries)
        requests = BuildRequests(ports: ports, store: store, deliveries: deliveries)
        deliveryRequests = DeliveryRequests(ports: ports, store: store, deliveries: deliveries)
        guestOSes = GuestOSCatalog(ports: ports, store: store, schedules: schedules)
        testCases = TestCaseCatalog(ports: ports, store: store)
        sheets = SheetImport(
            ports: ports, store: store, environments: environments, schedules: schedules)
        historic = store
    }

    /// Resumes what the last leader left, and starts to dispatch.
    /// - Throws: `StoreError` if the store cannot be read.
    func resume() async throws {
        try await ports.directory.load(from: ports.store)
        try await fleet.load()
        try await tracker.resume()
        let log = Logger("coordinator")
        do { try await ports.webRoot.sweep(keeping: await tracker.livingAttempts()) } catch {
            log.warning("cannot clean up the web root: \(error)")
        }
        try await releases.resume()
        await keyChange.resume()
        log.info("resumed \(await tracker.count) builds on \(await fleet.count) hosts")
        // Before a host can report that an attempt was cancelled, which nobody remembers.
        await drains.look()
        await fleet.connect()
        await results.start()
        await releaseBoard.start()
        await retention.start()
        await removal.start()
        accessUpkeep.start()
        await storage.start()
        await dispatcher.start()
        await deliveries.start { [requests, statuses] ended in
            Task {
                await requests.ended(ended)
                await statuses.note(ended)
            }
        }
        await statuses.start(requests) { [tracker] in await tracker.explain($0)?.summary }
        await requests.start()
        await notifications.start()
        await schedules.start(submission)
        await profiles.start()
    }

    func stop() async {
        await profiles.stop()
        await schedules.stop()
        await requests.stop()
        await deliveries.stop()
        await dispatcher.stop()
        await drains.stop()
        await retention.stop()
        await removal.stop()
        await accessUpkeep.stop()
        await storage.stop()
        await results.stop()
        await releaseBoard.stop()
        await fleet.stop()
        await tracker.stop()
        await statuses.stop()
        await notifications.stop()
        await releases.stop()
        await keyChange.stop()
    }

    func pulse() async -> Bool {
        _ = await (fleet.count, tracker.count)
        return await dispatcher.pulse()
    }
}
