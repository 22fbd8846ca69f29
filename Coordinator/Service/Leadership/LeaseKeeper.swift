public import CoordinatorCore
public import MetricsKit
import Support

/// Campaigns for the lease as long as the process runs. The loss of the lease is noticed at the
/// next response of the store. Until then the store and the hosts refuse every change, so the delay
/// does no harm.
public actor LeaseKeeper {
    public enum Standing: Sendable, Hashable {
        case leading(epoch: Int64)
        /// `url`: that of the leader; `nil` if none is known.
        case standingBy(url: String?)
    }

    public private(set) var standing = Standing.standingBy(url: nil)
    /// Why the last request for the lease failed. A leader's renewal is a write, so this is also
    /// why nothing can be stored, such as a full disk; `nil` after one that succeeded.
    public private(set) var problem: String?
    private let leases: any LeaseStore
    private let clock: any TimeSource
    private var candidate: Candidate
    private let renewMilliseconds: Int64
    private var lastMessage = ""
    /// That this coordinator has seen.
    private var lastEpoch: Int64?
    private let metrics: Metrics
    private var onReady: (@Sendable () async -> Void)?
    private let log = Logger("leadership")

    public init(
        leases: any LeaseStore, clock: any TimeSource, id: String,
        predecessors: Set<String> = [], url: String, limits: ServiceLimits,
        metrics: Metrics = FarmMetric.metrics()
    ) {
        self.metrics = metrics
        self.leases = leases
        self.clock = clock
        renewMilliseconds = limits.leaseRenewMilliseconds
        candidate = Candidate(
            id: id, predecessors: predecessors, url: url,
            leaseMilliseconds: limits.leaseMilliseconds)
    }

    /// - Parameter lead: called once, with the epoch, when the lease is won. The lease is renewed
    ///   meanwhile, and `standing` changes once it returns.
    /// - Parameter onReady: called once, when this coordinator leads or knows the leader.
    /// - Returns: when another coordinator has taken the lease, or the task is cancelled.
    public func run(
        lead: @escaping @Sendable (LeaseEpoch) async -> Void,
        onReady: @escaping @Sendable () async -> Void
    ) async {
        self.onReady = onReady
        while !Task.isCancelled {
            do {
                let lease = try await leases.campaign(candidate)
                problem = nil
                guard take(lease, lead) else { return }
            } catch {
                problem = "\(error)"
                report("cannot request the lease from the store: \(error)")
            }
            let next = clock.monotonicMilliseconds() + renewMilliseconds
            do { try await clock.sleep(untilMonotonicMilliseconds: next) } catch { return }
        }
    }

    /// - Returns: false if the lease was lost.
    private func take(
        _ lease: Lease, _ lead: @escaping @Sendable (LeaseEpoch) async -> Void
    ) -> Bool {
        note(lease.epoch)
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

    private func note(_ epoch: Int64) {
        if let lastEpoch, lastEpoch != epoch { metrics.add(FarmMetric.leaseChanges) }
        lastEpoch = epoch
        metrics.set(FarmMetric.leaseEpoch, to: Double(epoch))
    }

    private func stand(_ new: Standing) {
        standing = new
        guard let onReady = onReady.take() else { return }
        Task { await onReady() }
    }

    /// Releases the lease, so that another coordinator can take over at once.
    public func resign() async {
        guard let epoch = candidate.epoch else { return }
        do { try await leases.resign(epoch) } catch {
            log.warning("cannot release the lease: \(error)")
        }
    }

    /// Logs each change once, not at every renewal.
    private func report(_ message: String) {
        guard message != lastMessage else { return }
        lastMessage = message
        log.info(message)
    }
}
