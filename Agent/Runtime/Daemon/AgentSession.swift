import AgentCore
import BuildProtocol
import LoopKit
import Support

/// The session of a coordinator. Reads and answers one message at a time. Each followed attempt has
/// a task that sends as fast as the coordinator reads, and buffers one chunk of log.
actor AgentSession {
    nonisolated let number: UInt64
    private let stream: AsyncDescriptor
    private let daemon: AgentDaemon
    /// The coordinator's lease epoch, once its hello was accepted.
    private var epoch: Int64?
    private var isDeposed = false
    /// Whether the hello was sent, before which nothing else may be.
    private var isGreeted = false
    private var followers: [AttemptToken: (number: UInt64, task: Task<Void, Never>)] = [:]
    private var waitingReport: HostReport?
    private var isReporting = false
    private var isSending = false
    private var senders: [CheckedContinuation<Void, Never>] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { daemon.unownedExecutor }

    init(number: UInt64, stream: AsyncDescriptor, daemon: AgentDaemon) {
        self.number = number
        self.stream = stream
        self.daemon = daemon
    }

    /// Serves until the coordinator disconnects.
    func run() async {
        var lines = MessageLines()
        reading: while let bytes = try? await stream.read(upTo: 64 << 10), !bytes.isEmpty {
            await daemon.attempts.heard(number, following: Array(followers.keys))
            for item in lines.push(bytes) {
                guard await handle(item) else { break reading }
            }
        }
        await daemon.attempts.ended(number, following: Array(followers.keys))
        for follower in followers.values { follower.task.cancel() }
        stream.close()
    }

    /// - Returns: whether the session continues.
    private func handle(_ item: MessageLines.Item) async -> Bool {
        if isDeposed { return false }
        guard case .line(let line) = item else {
            await refuse(.malformed, "\(ProtocolError.tooLong)")
            return true
        }
        do {
            let message = try LineCodec.decode(CoordinatorMessage.self, from: line)
            guard epoch != nil else { return await handshake(message) }
            await answer(message)
        } catch {
            if case ProtocolError.unknownType = error {
                await refuse(.unknownType, "\(error)")
            } else {
                await refuse(.malformed, "\(error)")
            }
        }
        return true
    }

    private func handshake(_ message: CoordinatorMessage) async -> Bool {
        guard case .hello(let hello) = message else {
            await refuse(.malformed, "the first message must be hello")
            return true
        }
        let own = ProtocolVersion.current
        if let refusal = own.refusal(coordinator: hello.version, host: daemon.hostName) {
            await refuse(.version, refusal)
            return false
        }
        if let refusal = await daemon.adopt(epoch: hello.epoch ?? 0) {
            await refuse(.deposed, refusal)
            return false
        }
        epoch = hello.epoch ?? 0
        // This may wait for the probe of the host, whose end is reported as well.
        await send(.hello(await daemon.hello()))
        isGreeted = true
        sendReports()
        return true
    }

    private func answer(_ message: CoordinatorMessage) async {
        switch message {
        case .hello: await send(.hello(await daemon.hello()))
        case .start(let start):
            await send(await daemon.attempts.start(start, await daemon.probed()))
        case .cancel(let cancel):
            if let answer = await daemon.attempts.cancel(cancel) { await send(answer) }
        case .forget(let forget):
            if let answer = await daemon.attempts.forget(forget) { await send(answer) }
        case .follow(let request): await follow(request)
        case .ping(let ping): await send(.pong(ping))
        case .plugins(let list):
            do { await send(.plugins(try await daemon.settle(list.plugins))) } catch {
                await refuse(.internal, "\(error)")
            }
        }
    }

    /// Ends the session of a superseded coordinator: messages in flight are ignored.
    func close(olderThan newest: Int64) {
        guard let epoch, epoch < newest else { return }
        isDeposed = true
        stream.close()
    }

    private func refuse(_ code: ErrorReport.Code, _ message: String) async {
        await send(.error(ErrorReport(code: code, message: message)))
    }

    // MARK: Following

    private func follow(_ request: Follow) async {
        await daemon.attempts.follows(number, request.attempt)
        if let old = followers.removeValue(forKey: request.attempt) {
            old.task.cancel()
            await daemon.attempts.stopObserving(request.attempt, old.number)
            // Nothing of the old one may follow the new one's first chunk.
            await old.task.value
        }
        let observer = await daemon.nextNumber()
        guard let changes = await daemon.attempts.observe(request.attempt, observer) else {
            await send(AttemptRegistry.unknown(request.attempt))
            return
        }
        let task = Task { await pump(request, changes, observer) }
        followers[request.attempt] = (observer, task)
    }

    private func pump(_ request: Follow, _ changes: AsyncStream<Void>, _ observer: UInt64) async {
        let token = request.attempt
        var reader = LogReader(
            daemon.configuration.state.attempt(token),
            cursor: request.$cursor.isOutOfRange ? -1 : request.cursor)
        var sentPhase: Phase?
        for await _ in changes {
            if Task.isCancelled { break }
            guard let status = await daemon.attempts.status(token) else { break }
            if status.phase != sentPhase, status.phase.state != .finished {
                await send(.phase(status.phase))
                sentPhase = status.phase
            }
            do {
                while !Task.isCancelled, let chunk = try reader.next() { await send(.log(chunk)) }
            } catch {
                let code: ErrorReport.Code = error is LogReader.Misplaced ? .malformed : .internal
                await send(.error(ErrorReport(code: code, message: "\(error)", attempt: token)))
            }
            if let result = status.result, !Task.isCancelled {
                await send(.finished(result.fitted))
                break
            }
        }
        await daemon.attempts.stopObserving(token, observer)
        if followers[token]?.number == observer { followers[token] = nil }
    }

    // MARK: Sending

    /// Sends the host's report without making the caller wait. Of several pending reports only the
    /// last is sent.
    func report(_ report: HostReport) {
        guard epoch != nil else { return }
        waitingReport = report
        if isGreeted { sendReports() }
    }

    private func sendReports() {
        guard !isReporting else { return }
        isReporting = true
        Task {
            while let report = waitingReport {
                waitingReport = nil
                await send(.host(report))
            }
            isReporting = false
        }
    }

    /// Sends one line after those before it. A coordinator that does not read makes the senders
    /// wait; one that disconnected is noticed by the reading side.
    func send(_ message: AgentMessage) async {
        while isSending { await withCheckedContinuation { senders.append($0) } }
        isSending = true
        do {
            try await stream.write(line(message))
        } catch {
            // Half a line may have been sent: nothing can follow it.
            stream.close()
        }
        isSending = false
        if !senders.isEmpty { senders.removeFirst().resume() }
    }

    /// A message that does not fit a line is a fault of its attempt, not of the session: that would
    /// be opened again, and meet the same message.
    private func line(_ message: AgentMessage) -> [UInt8] {
        do { return try LineCodec.encode(message) } catch {
            let report = ErrorReport(
                code: .internal, message: "a message does not fit a line: \(error)",
                attempt: message.attempt)
            return (try? LineCodec.encode(AgentMessage.error(report))) ?? []
        }
    }
}
