/// Every kind of fault that the simulation knows.
enum FaultKind: String, CaseIterable, Sendable {
    // Sessions and messages
    case sessionCut, openRefused, openHangs, agentFrozen
    case messageTwice, logGap, logWrong
    // Hosts
    case agentRestarted, hostRebooted, hostAwayLong, hostGone, stateLost
    case hostileReport, hostileFinish
    // Attempts
    case attemptRefused, templateFault, infrastructureFault, killsHost, testFails
    // Transfers
    case deliveryFails, transferBreaks, transferStalls, transferLies, imageUnreadable
    // Disks of the coordinator
    case logDiskFull, webRootFull, publishFails
    // Store
    case storeFails, storeAnswerLost, storeDown
    // Coordinators
    case coordinatorKilled, coordinatorStopped, leaseUnreachable, clockJump
    // People
    case cancelled, retried, drained, resumed, hostRemoved, hostAdded

    /// About one of so many of the events that it may strike.
    var odds: Int {
        switch self {
        case .sessionCut: 3_000
        case .openRefused: 20
        case .openHangs: 60
        case .messageTwice, .logGap: 200
        case .logWrong: 400
        case .hostileFinish: 2_000
        case .attemptRefused: 200
        case .templateFault, .testFails: 20
        case .infrastructureFault: 25
        case .killsHost: 400
        case .deliveryFails: 100
        case .transferBreaks: 40
        case .transferStalls: 400
        case .transferLies: 100
        case .imageUnreadable: 300
        case .publishFails: 100
        case .storeFails, .storeAnswerLost: 1_500
        default: 1
        }
    }

    /// Those that come by themselves, with their weights.
    static let spontaneous: [(fault: FaultKind, weight: Int)] = [
        (.sessionCut, 12), (.agentFrozen, 8), (.agentRestarted, 12), (.hostRebooted, 8),
        (.hostAwayLong, 4), (.hostGone, 1), (.stateLost, 2), (.hostileReport, 6),
        (.cancelled, 30), (.retried, 6), (.drained, 3), (.resumed, 3), (.hostRemoved, 2),
        (.hostAdded, 2),
    ]

    /// Those that reach the whole farm: rare, however many hosts there are.
    static let global: [(fault: FaultKind, weight: Int)] = [
        (.logDiskFull, 3), (.webRootFull, 3), (.storeDown, 3), (.coordinatorKilled, 6),
        (.coordinatorStopped, 2), (.leaseUnreachable, 3), (.clockJump, 2),
    ]
}
