import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Runs one program of an attempt to its end: logs its output, applies the timers, handles stop
/// requests. On return nothing of its process tree is left.
struct ProgramRunner {
    let context: AttemptContext
    /// Whether the program runs in the attempt's control group. Joining costs some milliseconds,
    /// which the agent's own helpers do not need.
    var isGrouped = true
    var confinement = Confinement.offline()
    /// Whether the silence timer applies; a helper may have limits of its own.
    var endsOnSilence = true

    /// - Parameter observe: called after output, and at least once a second; finally when the
    ///   program has exited, while processes that it left still run. The program is stopped for a
    ///   fault that it returns.
    /// - Returns: how the program exited by itself.
    /// - Throws: `Fault` if it was stopped (cancel, timer) or could not be started, `SystemError`
    ///   for an error of the supervisor.
    func run<Sink: OutputSink>(
        _ command: Command, _ sink: inout Sink,
        observe: (Sink, _ hasEnded: Bool) throws -> Fault? = { _, _ in nil }
    ) throws -> ExitStatus {
        var out = try Pipe()
        var err = try Pipe()
        var session = Session(context, endsOnSilence: endsOnSilence)
        defer { session.release() }
        let program: RunningProgram
        do {
            program = try start(
                command,
                .init(
                    output: out.writeDescriptor,
                    error: sink.mergesStreams ? out.writeDescriptor : err.writeDescriptor))
        } catch {
            out.closeWriteEnd()
            err.closeWriteEnd()
            _ = Descendants.sweep()
            // What bubblewrap printed.
            try session.drain(out, err, &sink)
            try session.finish(&sink)
            throw error
        }
        out.closeWriteEnd()
        err.closeWriteEnd()
        context.namespaceMember = program.namespaceMember
        defer { context.namespaceMember = nil }
        context.timers.sawOutput(nowMilliseconds: Clocks.monotonicMilliseconds())
        do {
            let status = try session.watch(program, out, err, &sink, observe)
            let unkillable = killLeftovers(program)
            try noteLimits()
            // All writers are dead, so both pipes end now.
            try session.drain(out, err, &sink)
            try session.finish(&sink)
            if !unkillable.isEmpty {
                throw Fault(
                    .infrastructure, .hostError,
                    "cannot kill processes \(unkillable) of the build: they hang in the kernel"
                )
            }
            if let fault = session.fault { throw fault }
            return status
        } catch {
            _ = killLeftovers(program)
            throw error
        }
    }

    private func start(
        _ command: Command, _ streams: ChildProcess.Streams
    ) throws -> RunningProgram {
        let group = isGrouped ? context.group : nil
        guard let sandbox = try context.sandbox(confinement, workFolder: command.workFolder) else {
            do { return .plain(try ChildProcess(command, streams: streams, group: group)) } catch {
                throw NotRunnable.or(error)
            }
        }
        // Process ids start anew in each sandbox, and name the files of its guests.
        try GuestFolder(path: context.folder.guests).clear()
        return .sandboxed(try SandboxedProcess(command, sandbox, streams: streams, group: group))
    }

    /// Programs that go on, or fail in ways of their own, do not say that they reached a limit.
    private func noteLimits() throws {
        if let bytes = context.exceededMemoryBytes {
            try context.log.note(
                "the kernel killed a process: the build may have \(bytes >> 20) MiB of memory")
        }
        if let denied = context.group?.deniedProcesses, denied > 0 {
            try context.log.note(
                "the kernel denied the build new processes \(denied) times: it may have "
                    + "\(AgentLimits.attemptProcesses) at a time")
        }
    }

    /// - Returns: the processes that could not be killed.
    private func killLeftovers(_ program: borrowing RunningProgram) -> [Int32] {
        program.signal(SIGKILL)
        context.group?.kill()
        return Descendants.sweep()
    }
}

/// The watch over one running program.
private struct Session {
    private let context: AttemptContext
    private let endsOnSilence: Bool
    private let buffer: UnsafeMutableRawBufferPointer
    private var records: [UInt8] = []
    private var output: MaskedOutput
    private var outEnded = false
    private var errEnded = false
    /// When what there is of an unfinished line is logged.
    private var flushMilliseconds: Int64?
    private var escalation: StopEscalation?
    private var nextReapMilliseconds = Clocks.monotonicMilliseconds() + AgentLimits.reapMilliseconds
    private(set) var fault: Fault?
    private var guests = GuestWatch()
    private let inspector: GuestInspector
    /// The timer that expired, while evidence is collected.
    private var cause: TimeoutCause?
    private var isCollectingEvidence = false

    init(_ context: AttemptContext, endsOnSilence: Bool) {
        self.context = context
        self.endsOnSilence = endsOnSilence
        (inspector, output) = (GuestInspector(context.folder), .init(context.secrets?.mask))
        buffer = .allocate(byteCount: AgentLimits.readBytes, alignment: 16)
    }

    func release() { buffer.deallocate() }

    mutating func watch<Sink: OutputSink>(
        _ program: borrowing RunningProgram, _ out: borrowing Pipe, _ err: borrowing Pipe,
        _ sink: inout Sink, _ observe: (Sink, Bool) throws -> Fault?
    ) throws -> ExitStatus {
        while true {
            let ready = try Wait.readable(
                [
                    program.descriptor, outEnded ? -1 : out.readEnd.raw,
                    errEnded ? -1 : err.readEnd.raw, context.control.watch.descriptor.raw,
                ], timeoutMilliseconds: timeoutMilliseconds())
            context.sampleDisk()
            if ready[1] { outEnded = try read(out, .out, &sink) }
            if ready[2] { errEnded = try read(err, .err, &sink) }
            try flushPartialLine(&sink)
            if let fault = try observe(sink, ready[0]) { stop(fault, isUrgent: false) }
            if ready[3] { handleStopRequest() }
            if ready[0], let status = try program.reap() { return status }
            try keepTime(program)
        }
    }

    /// Reads both pipes to their ends.
    mutating func drain(
        _ out: borrowing Pipe, _ err: borrowing Pipe, _ sink: inout some OutputSink
    ) throws {
        while !outEnded || !errEnded {
            let ready = try Wait.readable(
                [outEnded ? -1 : out.readEnd.raw, errEnded ? -1 : err.readEnd.raw],
                timeoutMilliseconds: 0)
            // Only a process that could not be killed keeps a pipe open; it is reported.
            if !ready[0] && !ready[1] { return }
            if ready[0] { outEnded = try read(out, .out, &sink) }
            if ready[1] { errEnded = try read(err, .err, &sink) }
        }
    }

    mutating func finish(_ sink: inout some OutputSink) throws {
        output.finish(unixMilliseconds: Clocks.unixMilliseconds(), to: &sink, into: &records)
        try flush()
    }

    /// - Returns: whether the stream has ended.
    private mutating func read(
        _ pipe: borrowing Pipe, _ stream: LogRecord.Stream, _ sink: inout some OutputSink
    ) throws -> Bool {
        switch try pipe.read(into: buffer) {
        case .nothingYet: return false
        case .end: return true
        case .bytes(let count):
            let isAlive = output.take(
                UnsafeRawBufferPointer(rebasing: buffer[..<count]), of: stream,
                unixMilliseconds: Clocks.unixMilliseconds(), to: &sink, into: &records)
            try flush()
            if isAlive {
                context.timers.sawOutput(nowMilliseconds: Clocks.monotonicMilliseconds())
                guests.sawOutput()
                if case .silence = cause { cause = nil }
            }
            return false
        }
    }

    private mutating func flushPartialLine(_ sink: inout some OutputSink) throws {
        let now = Clocks.monotonicMilliseconds()
        let due = flushMilliseconds ?? now + AgentLimits.partialLineMilliseconds
        flushMilliseconds = sink.hasPartialLine && now < due ? due : nil
        guard sink.hasPartialLine, now >= due else { return }
        sink.flush(unixMilliseconds: Clocks.unixMilliseconds(), into: &records)
        try flush()
    }

    private mutating func flush() throws {
        try context.log.write(records)
        records.removeAll(keepingCapacity: true)
    }

    private mutating func handleStopRequest() {
        let request = context.stopRequest()
        if let request { stop(request.fault, isUrgent: request == .forget) }
    }

    private mutating func stop(_ fault: Fault, isUrgent: Bool) {
        let now = Clocks.monotonicMilliseconds()
        if self.fault == nil { self.fault = fault }
        if escalation == nil {
            escalation = context.escalation(isUrgent: isUrgent, nowMilliseconds: now)
            try? context.log.note(fault.reason)
        } else if isUrgent {
            escalation?.hurry(nowMilliseconds: now)
        }
    }

    private mutating func keepTime(_ program: borrowing RunningProgram) throws {
        let now = Clocks.monotonicMilliseconds()
        if !endsOnSilence { context.timers.sawOutput(nowMilliseconds: now) }
        if escalation == nil { try keepTimers(now) }
        switch escalation?.step(nowMilliseconds: now) {
        case .interrupt: program.signal(SIGINT)
        case .terminate: program.signal(SIGTERM)
        case .kill:
            program.signal(SIGKILL)
            context.group?.kill()
        case nil: break
        }
        if now >= nextReapMilliseconds {
            Descendants.reapOrphans(except: program.pid)
            GuestFolder(path: context.folder.guests).trimConsoles()
            nextReapMilliseconds = now + AgentLimits.reapMilliseconds
        }
    }

    /// Stops the build if a timer has expired and its guest is not active, after collecting
    /// evidence of the guest.
    private mutating func keepTimers(_ now: Int64) throws {
        switch inspector.take(nowMilliseconds: now) {
        case .snapshot(let snapshot):
            if let verdict = guests.saw(snapshot), cause == nil { try judge(verdict) }
        // The build may have printed something in the meantime.
        case .evidence(let evidence) where cause != nil:
            context.evidence = evidence
            if case .silence(_, let verdict)? = cause { context.evidence?.add(verdict) }
        case .evidence, nil: break
        }
        if cause == nil { isCollectingEvidence = false }
        if cause == nil, now >= context.timers.totalDeadlineMilliseconds {
            cause = context.timers.expired(nowMilliseconds: now)
        }
        guard !inspector.isBusy else { return }
        if let cause {
            if isCollectingEvidence { return stop(context.fault(of: cause), isUrgent: false) }
            isCollectingEvidence = true
            inspector.collectEvidence()
        } else if endsOnSilence, guests.needsSnapshot(context.timers, nowMilliseconds: now) {
            inspector.takeSnapshot()
        }
    }

    /// Handles the second snapshot of a silent build.
    private mutating func judge(_ verdict: GuestVerdict) throws {
        if case .working(let activity) = verdict, context.timers.allowMoreSilence() {
            return try context.log.note(
                "the build prints nothing, but its guest \(activity.summary): it is slow, not "
                    + "hung, and continues")
        }
        cause = context.timers.silence(verdict)
    }

    private func timeoutMilliseconds() -> Int32 {
        let now = Clocks.monotonicMilliseconds()
        let deadline =
            if let escalation {
                escalation.nextDeadlineMilliseconds ?? .max
            } else if inspector.isBusy {
                now + AgentLimits.guestPollMilliseconds
            } else {
                min(
                    context.timers.totalDeadlineMilliseconds,
                    guests.dueMilliseconds(context.timers) ?? .max)
            }
        let rest = max(0, min(deadline, flushMilliseconds ?? .max) - now)
        return Int32(min(rest, AgentLimits.tickMilliseconds))
    }
}
