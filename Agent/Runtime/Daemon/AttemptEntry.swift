import AgentCore
import BuildProtocol
import ProcessKit
import Support
import TextKit

/// An attempt in memory. Belongs to the registry's actor.
final class AttemptEntry {
    let folder: AttemptFolder
    let order: AttemptOrder
    private(set) var phase: Phase
    /// The end of the attempt, once it is durable.
    private(set) var result: Finished?
    /// The coordinator forgot it; it is deleted as soon as nothing of it runs.
    var isForgotten = false
    /// Its supervisor is gone, but its result could not be written yet.
    var awaitsConclusion = false
    /// With whoever follows it.
    var contact = CoordinatorContact()
    /// The supervisor, while it runs.
    var supervisor: ProcessHandle?
    /// Why the daemon killed the supervisor, which did not stop by itself.
    var overdue: Fault?
    /// The number of the watch on its folder, while it runs.
    var watch: Int32?
    private var phaseIdentity: FileIdentity?
    private var observers: [UInt64: AsyncStream<Void>.Continuation] = [:]

    init(folder: AttemptFolder, order: AttemptOrder) {
        self.folder = folder
        var order = order
        // Its files are the only place of the values from here on.
        order.start.secrets = nil
        self.order = order
        phase = Phase(attempt: folder.token, state: .accepted)
    }

    var isRunning: Bool { result == nil }

    var log: Logger { Logger("agent", LogIDs(order)) }

    /// How it ended, for the journal; `nil` while it runs.
    var end: String? {
        guard let outcome = result?.outcome else { return nil }
        let how = outcome.fault.map { "\($0.code.rawValue): \($0.reason)" } ?? "passed"
        return String(how.unicodeScalars.prefix { $0 != "\n" }).visible
    }

    var summary: AttemptSummary {
        AttemptSummary(
            attempt: folder.token, state: phase.state,
            logBytes: result?.logBytes ?? Files.sizeBytes(folder.log) ?? 0)
    }

    /// Called after a change in the folder: wakes the followers.
    func changed() {
        readPhase()
        for observer in observers.values { observer.yield() }
    }

    func finish(_ result: Finished) {
        self.result = result
        phase = Phase(attempt: folder.token, state: .finished)
        for observer in observers.values { observer.yield() }
    }

    /// Yields after each change, coalesced if the reader is slow; ends when the attempt is deleted.
    func observe(_ id: UInt64) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(
            bufferingPolicy: .bufferingNewest(1))
        observers[id] = continuation
        continuation.yield()
        return stream
    }

    func stopObserving(_ id: UInt64) { observers.removeValue(forKey: id)?.finish() }

    func endObservation() {
        for observer in observers.values { observer.finish() }
        observers = [:]
    }

    private func readPhase() {
        guard isRunning, let identity = FileIdentity(folder.phase), identity != phaseIdentity
        else { return }
        phaseIdentity = identity
        let read = try? StateFile.read(
            Phase.self, folder.phase, limitBytes: ProtocolLimits.lineBytes)
        if let read, read.attempt == folder.token { phase = read }
    }
}

/// A running process that is watched by its pidfd.
final class ProcessHandle: Sendable {
    let pidfd: Descriptor
    let pid: Int32
    private let isChild: Bool

    init(_ child: consuming ChildProcess) {
        pid = child.pid
        isChild = true
        pidfd = child.intoDescriptor()
    }

    init(_ pidfd: consuming Descriptor, pid: Int32) {
        self.pidfd = pidfd
        self.pid = pid
        isChild = false
    }

    /// Does not wait.
    var hasEnded: Bool {
        (try? Wait.readable([pidfd.raw], timeoutMilliseconds: 0)) == [true]
    }

    func kill() { ProcessTable.kill(pidfd) }

    /// Removes the exited process from the process table if it is a child of this one.
    func reap() { if isChild { Descendants.reap(pidfd) } }
}

/// Tokens of recently forgotten attempts, up to a limit.
struct ForgottenTokens {
    private var order: [AttemptToken] = []
    private var tokens: Set<AttemptToken> = []

    mutating func insert(_ token: AttemptToken) {
        guard tokens.insert(token).inserted else { return }
        order.append(token)
        if order.count > AgentLimits.forgottenTokens { tokens.remove(order.removeFirst()) }
    }

    func contains(_ token: AttemptToken) -> Bool { tokens.contains(token) }
}
