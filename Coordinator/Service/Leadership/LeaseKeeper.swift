public import CoordinatorCore
import Support

/// Campaigns for the lease as long as the process lives. Losing it is noticed at the next answer
/// of the store; until then every change is refused there and at the hosts, so that it does not
/// matter how late that is.
public actor LeaseKeeper {
    public enum Standing: Sendable, Hashable {
        case leading(epoch: Int64)
        /// `url`: the leader's; `nil` while none is known.
        case standingBy(url: String?)
    }

    public private(set) var standing = Standing.standingBy(url: nil)
    private let leases: any LeaseStore
    private let clock: any TimeSource
    private var candidate: Candidate
    private let renewMilliseconds: Int64
    private var lastMessage = ""
    private var onReady: (@Sendable () async -> Void)?
    private let log = Logger("leadership")

    public init(
        leases: any LeaseStore, clock: any TimeSource, id: String, url: String,
        limits: ServiceLimits
    ) {
        self.leases = leases
        self.clock = clock
        renewMilliseconds = limits.leaseRenewMilliseconds
        candidate = Candidate(id: id, url: url, leaseMilliseconds: limits.leaseMilliseconds)
    }

    /// - Parameter lead: called once, with the epoch, when the lease is won; renewing goes on
    ///   meanwhile, and `standing` says so once it returns.
    /// - Parameter onReady: called once, when this coordinator leads or knows who does.
    /// - Returns: when another coordinator has taken the lease, or the task is cancelled.
    public func run(
        lead: @escaping @Sendable (LeaseEpoch) async -> Void,
        onReady: @escaping @Sendable () async -> Void
    ) async {
        self.onReady = onReady
        while !Task.isCancelled {
            do {
                let lease = try await leases.campaign(candidate)
                guard take(lease, lead) else { return }
            } catch {
                report("cannot ask the store for the lease: \(error)")
            }
            let next = clock.monotonicMilliseconds() + renewMilliseconds
            do { try await clock.sleep(untilMonotonicMilliseconds: next) } catch { return }
        }
    }

    /// - Returns: false if the lease was lost.
    private func take(
        _ lease: Lease, _ lead: @escaping @Sendable (LeaseEpoch) async -> Void
    ) -> Bool {
        let held = lease.epoch(heldBy: candidate)
        if let epoch = candidate.epoch {
            guard held == epoch else {
                standing = .standingBy(url: lease.url)
                report(
                    "\(lease.url) leads now with epoch \(lease.epoch); "
                        + "this one led with \(epoch.number)")
                return false
            }
            report("leading with epoch \(epoch.number)")
        } else if let held {
            candidate.epoch = held
            report("leading with epoch \(held.number)")
            Task {
                await lead(held)
                stand(.leading(epoch: held.number))
            }
        } else {
            stand(.standingBy(url: lease.url))
            report("standing by: \(lease.url) leads with epoch \(lease.epoch)")
        }
        return true
    }

    private func stand(_ new: Standing) {
        standing = new
        guard let onReady = onReady.take() else { return }
        Task { await onReady() }
    }

    /// Lets another coordinator take over at once.
    public func resign() async {
        guard let epoch = candidate.epoch else { return }
        do { try await leases.resign(epoch) } catch {
            log.warning("cannot give the lease back: \(error)")
        }
    }

    /// Once for each change, not at every renewal.
    private func report(_ message: String) {
        guard message != lastMessage else { return }
        lastMessage = message
        log.info(message)
    }
}
