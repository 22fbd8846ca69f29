import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// Keeps one control session with one host: connects, reconciles, routes messages to the sessions
/// of attempts, reconnects. Losing the session changes nothing on the host.
actor HostMonitor {
    nonisolated let link: HostLink
    nonisolated let plugins: PluginDelivery
    nonisolated var host: Host { link.host }
    private let ports: Ports
    private let epoch: LeaseEpoch
    private weak let events: (any HostEvents)?
    private var sessions: [AttemptToken: BuildSession] = [:]
    /// The agent's hello; `nil` while it is not connected.
    private var hello: AgentHello?
    private var loop: Task<Void, Never>?
    private var isStopped = false
    /// A ping was sent, and nothing has been received since.
    private var isPingPending = false
    private var connects = RepeatedLine()
    private let log: Logger

    init(
        host: Host, plugins: PluginList, ports: Ports, epoch: LeaseEpoch, events: any HostEvents
    ) {
        link = HostLink(host)
        self.plugins = PluginDelivery(link, plugins, ports)
        self.ports = ports
        self.epoch = epoch
        self.events = events
        log = Logger("host", LogIDs(host: host.name))
    }

    func start() {
        guard loop == nil, !isStopped else { return }
        // It outlives the request that adds a host.
        loop = Task {
            await LogIDs.$current.withValue(LogIDs(host: host.name)) { await self.run() }
        }
    }

    /// Connects anew with another address or key. Builds there run on: their sessions find them
    /// again as after any lost connection.
    func change(_ host: Host) async {
        link.change(host)
        guard let loop, !isStopped else { return }
        loop.cancel()
        await link.close()
        await loop.value
        self.loop = nil
        start()
    }

    /// Ends the session permanently.
    func stop() async {
        isStopped = true
        loop?.cancel()
        await link.close()
        await loop?.value
        await plugins.stop()
    }

    // MARK: Sessions of attempts

    func attach(_ session: BuildSession) async {
        guard !session.isReleased.load(ordering: .relaxed) else {
            // It ended before it came here.
            if sessions[session.token] == nil { await forget(session.token) }
            return
        }
        sessions[session.token] = session
        if let hello { await session.post(connected(session, hello)) }
    }

    private func connected(_ session: BuildSession, _ hello: AgentHello) -> BuildEvent {
        .connected(
            hasTemplate: link.hasTemplate(session.templateSHA256),
            summary: hello.attempts.first { $0.attempt == session.token })
    }

    /// The session has ended, and the agent may forget the attempt, unless a newer session has
    /// resumed it.
    func release(_ session: BuildSession) async {
        session.isReleased.store(true, ordering: .relaxed)
        guard sessions[session.token] === session else { return }
        // First, so that a connection that opens during the send finds the attempt obsolete.
        sessions[session.token] = nil
        await forget(session.token)
    }

    private func forget(_ token: AttemptToken) async {
        await link.send(.forget(Forget(attempt: token)))
    }

    // MARK: The loop

    private func run() async {
        var backoff = reconnectBackoff()
        var longest = ports.limits.reconnectLongestMilliseconds
        var awaySince = ports.clock.monotonicMilliseconds()
        while !Task.isCancelled {
            do {
                let channel = try await ports.gateway.open(host, epoch: epoch.number)
                let refusal = await refusal(of: channel.hello)
                // `stop` was called meanwhile and could not close the channel, which the link does
                // not have yet: a read that began now would never end.
                guard !Task.isCancelled else { return await channel.close() }
                if let refusal {
                    await channel.close()
                    throw HostFault(.unusable, refusal)
                }
                let since = ports.clock.monotonicMilliseconds()
                await opened(channel)
                let end = await pump(channel)
                await disconnected(end.reason)
                let now = ports.clock.monotonicMilliseconds()
                if now - since < end.soundMilliseconds {
                    longest = ports.limits.reconnectPermanentMilliseconds
                } else {
                    backoff = reconnectBackoff()
                    longest = ports.limits.reconnectLongestMilliseconds
                    awaySince = now
                }
            } catch {
                if Task.isCancelled { return }
                await events?.hostWentAway(host.name, "\(error)")
                let isPermanent = (error as? HostFault)?.isPermanent ?? false
                longest =
                    isPermanent
                    ? ports.limits.reconnectPermanentMilliseconds
                    : ports.limits.reconnectLongestMilliseconds
            }
            let away = ports.clock.monotonicMilliseconds() - awaySince
            if away >= ports.limits.hostLostMilliseconds { await declareLost(away) }
            let pause = min(backoff.next(), longest)
            do { try await ports.clock.sleep(milliseconds: pause) } catch { return }
        }
    }

    private func reconnectBackoff() -> Backoff {
        Backoff(
            first: ports.limits.reconnectFirstMilliseconds,
            longest: ports.limits.reconnectPermanentMilliseconds)
    }

    /// Whether a session of this host follows one of the attempts.
    func follows(anyOf tokens: [AttemptToken]) -> Bool {
        tokens.contains { sessions[$0] != nil }
    }

    /// Why this agent cannot be used under the host's name. Asked before anything is forgotten:
    /// what runs there under another name would be ended.
    private func refusal(of hello: AgentHello) async -> String? {
        let unknown = hello.attempts.map(\.attempt).filter { sessions[$0] == nil }
        return await events?.refusal(of: hello.agentID, holding: unknown, ofHost: host.name)
    }

    private func opened(_ channel: any HostChannel) async {
        let hello = channel.hello
        link.open(channel)
        self.hello = hello
        let now = ports.clock.monotonicMilliseconds()
        let text = "connected, agent \(hello.agentVersion)"
        if let line = connects.text(text, atMilliseconds: now) { log.info(line) }
        for summary in hello.attempts where sessions[summary.attempt] == nil {
            // Recorded already, or given up while the host was unreachable. The agent kills what
            // runs and deletes the folder.
            log.about(LogIDs(attempt: summary.attempt.text))
                .info("the attempt is obsolete; telling the agent to forget it")
            await forget(summary.attempt)
        }
        for session in sessions.values { await session.post(connected(session, hello)) }
        await events?.hostAnswered(host.name, agent: hello.agentVersion)
        await events?.hostReported(host.name, hello.host)
        await plugins.offer()
    }

    private struct SessionEnd {
        var reason: String
        /// How long it must have lasted to show that the agent is sound.
        var soundMilliseconds: Int64
    }

    private func pump(_ channel: any HostChannel) async -> SessionEnd {
        isPingPending = false
        var budget = MessageBudget(
            burst: ports.limits.messageBurst, perSecond: ports.limits.messagesPerSecond,
            nowMilliseconds: ports.clock.monotonicMilliseconds())
        let watch = Task { await self.watch(channel) }
        defer { watch.cancel() }
        do {
            while let message = try await channel.next() {
                isPingPending = false
                if await deliver(message) { continue }
                guard budget.take(nowMilliseconds: ports.clock.monotonicMilliseconds()) else {
                    await channel.close()
                    return SessionEnd(
                        reason: "the agent sends more than \(ports.limits.messagesPerSecond) "
                            + "messages a second that say nothing new: check it",
                        soundMilliseconds: ports.limits.soundSessionMilliseconds)
                }
            }
            return SessionEnd(
                reason: "the agent closed the session",
                soundMilliseconds: ports.limits.closedSessionMilliseconds)
        } catch {
            let isBroken = (error as? HostFault)?.code == .refused
            return SessionEnd(
                reason: "\(error)",
                soundMilliseconds: isBroken ? ports.limits.soundSessionMilliseconds : 0)
        }
    }

    /// An agent that hangs behind a healthy sshd would keep its session for ever. It is pinged, and
    /// if it sends nothing the session is ended, so that the host counts as unreachable. Checks are
    /// counted rather than time: a coordinator that was itself suspended reads what arrived
    /// meanwhile before the next check.
    private func watch(_ channel: any HostChannel) async {
        var missed = 0
        while !Task.isCancelled {
            do { try await ports.clock.sleep(milliseconds: ports.limits.pingMilliseconds) } catch {
                return
            }
            missed = isPingPending ? missed + 1 : 0
            if missed >= ports.limits.missedPings {
                let seconds = Int64(missed) * ports.limits.pingMilliseconds / 1000
                log.warning("the agent sent nothing for \(seconds) s: reconnecting")
                return await channel.close()
            }
            guard !isPingPending else { continue }
            isPingPending = true
            // In a separate task, because a session whose window is full blocks the send.
            Task { try? await channel.send(.ping(Ping(id: 1))) }
        }
    }

    /// - Returns: whether the message said something new that costs the agent as much as us.
    private func deliver(_ message: AgentMessage) async -> Bool {
        switch message {
        case .hello: break
        case .host(let report): await events?.hostReported(host.name, report)
        case .phase(let phase):
            await session(phase.attempt)?.post(.phase(phase))
        case .log(let chunk):
            return await session(chunk.attempt)?.received(chunk) ?? false
        case .finished(let finished):
            await session(finished.attempt)?.post(.finished(finished))
        case .error(let report):
            log.warning("the agent reports: \(report.message)")
            if let token = report.attempt { await sessions[token]?.post(.refused(report)) }
        case .plugins(let answer): await plugins.answered(answer.missing)
        case .pong: break
        }
        return false
    }

    /// The session of an attempt. If there is none, the host is told to forget the attempt and ends
    /// it: a delayed `start` may have begun it after it was given up.
    private func session(_ token: AttemptToken) async -> BuildSession? {
        if let session = sessions[token] { return session }
        await forget(token)
        return nil
    }

    private func disconnected(_ reason: String) async {
        hello = nil
        await link.close()
        if !Task.isCancelled { await events?.hostWentAway(host.name, reason) }
        for session in sessions.values { await session.post(.disconnected) }
    }

    private func declareLost(_ away: Int64) async {
        for session in sessions.values {
            let why = "host \(host.name) has not been heard of for \(away / 1000) s"
            await session.post(.failed(Fault(.infrastructure, .hostLost, why)))
        }
    }
}
