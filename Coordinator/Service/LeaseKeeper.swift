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
    private let environment: any Environment
    private var candidate: Candidate
    private let renewMilliseconds: Int64
    private var lastWords = ""
    private var settled: (@Sendable () async -> Void)?
    private let log = Logger("leadership")

    public init(
        leases: any LeaseStore, environment: any Environment, id: String, url: String,
        limits: ServiceLimits
    ) {
        self.leases = leases
        self.environment = environment
        renewMilliseconds = limits.leaseRenewMilliseconds
        candidate = Candidate(id: id, url: url, leaseMilliseconds: limits.leaseMilliseconds)
    }

    /// - Parameter lead: called once, with the epoch, when the lease is won; renewing goes on
    ///   meanwhile, and `standing` says so once it returns.
    /// - Parameter settled: called once, when this coordinator leads or knows who does.
    /// - Returns: when another coordinator has taken the lease, or the task is cancelled.
    public func run(
        lead: @escaping @Sendable (Int64) async -> Void,
        settled: @escaping @Sendable () async -> Void
    ) async {
        self.settled = settled
        while !Task.isCancelled {
            do {
                let lease = try await leases.campaign(candidate)
                guard settle(lease, lead) else { return }
            } catch {
                say("cannot ask the store for the lease: \(error)")
            }
            let next = environment.monotonicMilliseconds() + renewMilliseconds
            do { try await environment.sleep(untilMonotonicMilliseconds: next) } catch { return }
        }
    }

    /// - Returns: false when the lease was lost.
    private func settle(
        _ lease: Lease, _ lead: @escaping @Sendable (Int64) async -> Void
    ) -> Bool {
        if let epoch = candidate.epoch {
            guard lease.isHeld(by: candidate, epoch: epoch) else {
                standing = .standingBy(url: lease.url)
                say("\(lease.url) leads now with epoch \(lease.epoch); this one led with \(epoch)")
                return false
            }
            say("leading with epoch \(epoch)")
        } else if lease.holder == candidate.id {
            candidate.epoch = lease.epoch
            say("leading with epoch \(lease.epoch)")
            Task {
                await lead(lease.epoch)
                stand(.leading(epoch: lease.epoch))
            }
        } else {
            stand(.standingBy(url: lease.url))
            say("standing by: \(lease.url) leads with epoch \(lease.epoch)")
        }
        return true
    }

    private func stand(_ new: Standing) {
        standing = new
        guard let settled = settled.take() else { return }
        Task { await settled() }
    }

    /// Lets another coordinator take over at once.
    public func resign() async {
        guard let epoch = candidate.epoch else { return }
        do { try await leases.resign(epoch: epoch) } catch {
            log.warning("cannot give the lease back: \(error)")
        }
    }

    /// Once for each change, not at every renewal.
    private func say(_ words: String) {
        guard words != lastWords else { return }
        lastWords = words
        log.info(words)
    }
}
