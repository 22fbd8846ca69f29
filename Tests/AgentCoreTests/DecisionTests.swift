@testable import AgentCore
import BuildProtocol
import Testing

@Suite struct TimerTests {
    private let limits = AttemptLimits(totalSeconds: 10, silenceSeconds: 3)

    @Test("The silence timer restarts at each output")
    func silenceTimerRestartsAtOutput() {
        var timers = AttemptTimers(limits: limits, nowMilliseconds: 1_000)
        #expect(timers.expired(nowMilliseconds: 3_999) == nil)
        #expect(timers.expired(nowMilliseconds: 4_000) == .silence(seconds: 3, .noGuest))
        timers.sawOutput(nowMilliseconds: 3_500)
        #expect(timers.expired(nowMilliseconds: 6_499) == nil)
        #expect(timers.silenceDeadlineMilliseconds == 6_500)
        #expect(timers.expired(nowMilliseconds: 6_500) == .silence(seconds: 3, .noGuest))
    }

    @Test("Output does not extend the total time limit")
    func totalTimerIgnoresOutput() {
        var timers = AttemptTimers(limits: limits, nowMilliseconds: 0)
        timers.sawOutput(nowMilliseconds: 9_900)
        #expect(timers.totalDeadlineMilliseconds == 10_000)
        #expect(timers.expired(nowMilliseconds: 10_000) == .total(seconds: 10))
    }
}

@Suite struct TimeoutCauseTests {
    private func fault(
        _ verdict: GuestVerdict, _ evidence: GuestEvidence? = nil, freeMiB: Int64 = 10_000
    ) -> Fault {
        TimeoutCause.silence(seconds: 600, verdict)
            .fault(evidence: evidence, lowestFreeBytes: freeMiB << 20)
    }

    @Test("A timeout reason names the guest's activity and the evidence that was kept")
    func timeoutReasonQuotesEvidence() {
        var activity = GuestActivity(milliseconds: 60_000)
        activity.networkBytes = 0
        activity.cpuMilliseconds = 200
        let evidence = GuestEvidence(serialTail: "x", screenshotPNG: [1])
        let hung = fault(.hung(activity, status: "running"), evidence)
        #expect(hung.code == .guestHung)
        #expect(hung.class == .template)
        #expect(
            hung.reason
                == "the build printed nothing for 600 s and its guest hangs: QEMU reports "
                + "running, but the guest moved 0 B of disk and 0 B of network in 60 s "
                + "(0.2 s of processor time); the build was stopped; its last screen and serial "
                + "console are kept with the attempt")
        #expect(fault(.noGuest).code == .timeoutSilence)
        #expect(fault(.unknown("why")).reason.hasSuffix("whether its guest hangs: why"))
        #expect(fault(.working(activity)).code == .timeoutSilence)
        let total = TimeoutCause.total(seconds: 5).fault(
            evidence: GuestEvidence(serialTail: "x"), lowestFreeBytes: .max)
        #expect(total.code == .timeoutTotal)
        #expect(total.reason.hasSuffix("its last serial console is kept with the attempt"))
    }

    /// A host whose disk is full pauses the guest; another host may succeed.
    @Test("A guest that QEMU stops for an I/O or internal error is an infrastructure fault")
    func ioErrorIsInfrastructure() {
        #expect(fault(.stopped(status: "io-error"), freeMiB: 1).code == .diskFull)
        #expect(fault(.stopped(status: "io-error")).code == .hostError)
        #expect(fault(.stopped(status: "internal-error")).class == .infrastructure)
        #expect(fault(.stopped(status: "paused")).class == .template)
        #expect(fault(.stopped(status: "guest-panicked")).code == .guestHung)
    }
}

@Suite struct StopLadderTests {
    @Test("Stopping escalates from SIGINT over SIGTERM to SIGKILL within seven seconds")
    func escalatesToKill() {
        var escalation = StopEscalation(nowMilliseconds: 0, isUrgent: false)
        #expect(escalation.step(nowMilliseconds: 0) == .interrupt)
        #expect(escalation.step(nowMilliseconds: 4_999) == nil)
        #expect(escalation.step(nowMilliseconds: 5_000) == .terminate)
        #expect(escalation.nextDeadlineMilliseconds == 7_000)
        #expect(escalation.step(nowMilliseconds: 7_000) == .kill)
        #expect(escalation.nextDeadlineMilliseconds == nil)
        #expect(escalation.step(nowMilliseconds: 100_000) == nil)
    }

    @Test("An urgent stop skips to SIGKILL, once")
    func urgentStopKillsAtOnce() {
        var escalation = StopEscalation(nowMilliseconds: 0, isUrgent: true)
        #expect(escalation.step(nowMilliseconds: 0) == .kill)
        escalation = StopEscalation(nowMilliseconds: 0, isUrgent: false)
        _ = escalation.step(nowMilliseconds: 0)
        escalation.hurry(nowMilliseconds: 100)
        #expect(escalation.step(nowMilliseconds: 100) == .kill)
        escalation.hurry(nowMilliseconds: 200)
        #expect(escalation.step(nowMilliseconds: 200) == nil)
    }
}

@Suite struct FaultClassifierTests {
    private func fault(
        _ program: FaultClassifier.End.Program = .packer, exit: Int? = 1, signal: Int? = nil,
        tail: String = "", summary: String? = nil, freeMiB: Int64 = 10_000,
        exceeded: Int64? = nil, memoryKills: Int64 = 0
    ) -> Fault? {
        FaultClassifier.fault(
            .init(
                program: program, exitCode: exit, signal: signal, tail: tail, summary: summary,
                lowestFreeBytes: freeMiB << 20, exceededMemoryBytes: exceeded,
                outOfMemoryKills: memoryKills))
    }

    @Test("Exit status 0 is not a fault, regardless of the output")
    func exitZeroIsNoFault() {
        #expect(fault(exit: 0, tail: "No space left on device") == nil)
    }

    @Test("A build program that fails by itself is a template fault")
    func ownFailureIsTemplateFault() throws {
        let packer = try #require(fault(summary: "Script exited with 3."))
        #expect(packer.code == .packerFailed)
        #expect(packer.class == .template)
        #expect(packer.reason == "Packer ended with exit status 1:\nScript exited with 3.")
        let command = try #require(fault(.command, exit: 2, tail: "a\nb\n"))
        #expect(command.code == .commandFailed)
        #expect(command.reason == "the build command ended with exit status 2:\na\nb")
        #expect(fault(.command, exit: nil, signal: 11)?.code == .commandFailed)
    }

    @Test(
        "A build program killed by an external signal is an infrastructure fault",
        arguments: [1, 2, 9, 15])
    func externalSignalIsInfrastructure(signal: Int) {
        #expect(fault(exit: nil, signal: signal)?.code == .buildKilled)
        #expect(fault(.command, exit: nil, signal: signal)?.class == .infrastructure)
    }

    /// A shell whose child was killed exits by itself, and reports that by its status or in its
    /// output.
    @Test("An out-of-memory kill is blamed only if the kernel and the output agree")
    func oomKillNeedsBothSigns() {
        #expect(fault(.command, exit: 137, memoryKills: 1)?.code == .buildKilled)
        #expect(fault(.command, tail: "x: 7 Killed make", memoryKills: 1)?.code == .buildKilled)
        #expect(fault(.command, exit: 137)?.code == .commandFailed, "by the template itself")
        #expect(fault(.command, exit: 2, memoryKills: 1)?.code == .commandFailed, "another's")
    }

    @Test(
        "A build that needed more memory than its limit is to blame, whatever was killed of it",
        arguments: [(1, nil), (137, nil), (nil, 9)] as [(Int?, Int?)])
    func exceededMemoryIsTheTemplatesFault(exit: Int?, signal: Int?) throws {
        let blamed = try #require(
            fault(.command, exit: exit, signal: signal, exceeded: 2 << 30, memoryKills: 1))
        #expect(blamed.class == .template && blamed.code == .memoryExceeded)
        #expect(blamed.reason.contains("The limit is 2048 MiB"))
        #expect(fault(exit: 0, exceeded: 2 << 30) == nil, "it came to its end anyway")
    }

    @Test("A full disk is the host's fault only if the host had no room")
    func fullDiskOfHostOrGuest() {
        let output = "dd: writing: No space left on device"
        #expect(fault(tail: output, freeMiB: 10)?.code == .diskFull)
        #expect(fault(.command, tail: output, freeMiB: 10)?.class == .infrastructure)
        #expect(fault(tail: output, freeMiB: 10_000)?.code == .packerFailed)
        #expect(fault(tail: "other", freeMiB: 10)?.code == .packerFailed)
        // A short write that the program did not explain.
        #expect(fault(.command, tail: "other", freeMiB: 0)?.code == .diskFull)
    }

    @Test("A port race in Packer's summary is an infrastructure fault")
    func portRaceIsInfrastructure() {
        let output = "Error finding port: listen tcp 127.0.0.1:23001: bind: address already in use"
        #expect(fault(summary: output)?.code == .portRace)
        // A web server in the guest may print that, too.
        #expect(fault(tail: "    qemu: nginx: " + output, summary: "x")?.code == .packerFailed)
        #expect(fault(.command, tail: output)?.code == .commandFailed)
    }

    /// Observed when QEMU was killed while Packer asked for its version.
    @Test("A killed child of Packer is an infrastructure fault")
    func killedPackerChildIsInfrastructure() {
        let output = "Build was halted.\n==> mini: Error determining qemu version: signal: killed"
        #expect(fault(summary: output)?.code == .buildKilled)
        #expect(fault(summary: output)?.class == .infrastructure)
        #expect(fault(tail: "in the guest: signal: killed", summary: "x")?.code == .packerFailed)
    }

    /// The shim knows how QEMU ended; without it, there is only the time.
    @Test("A killed QEMU is an infrastructure fault; one that exits by itself is not")
    func killedQEMUIsInfrastructure() {
        func fault(_ end: QEMUExit?, gone: Int64) -> Fault? {
            FaultClassifier.fault(
                .init(
                    program: .packer, exitCode: 1, tail: "", summary: "Timeout waiting for SSH.",
                    qemuExit: end, qemuGoneMilliseconds: gone, lowestFreeBytes: 1 << 40))
        }
        #expect(fault(.killed(signal: 9), gone: 0)?.code == .buildKilled)
        #expect(fault(.killed(signal: 9), gone: 0)?.class == .infrastructure)
        #expect(fault(.killed(signal: 11), gone: 0)?.code == .hostError)
        // The guest powered itself off.
        #expect(fault(.exited(0), gone: 60_000)?.code == .packerFailed)
        #expect(fault(nil, gone: 60_000)?.code == .buildKilled)
        // Packer ends QEMU right after an error; a QEMU that cannot start ends right before.
        #expect(fault(nil, gone: 500)?.code == .packerFailed)
    }

    @Test("Only a QEMU that fails to start without output or exit status counts as killed")
    func silentStartFailureMeansKilled() {
        func fault(_ end: QEMUExit?, spoke: Bool) -> Fault? {
            FaultClassifier.fault(
                .init(
                    program: .packer, exitCode: 1, tail: "",
                    summary: "==> qemu: Error launching VM: Qemu failed to start. Please run with",
                    qemuExit: end, hasQEMUOutput: spoke, lowestFreeBytes: 1 << 40))
        }
        #expect(fault(.exited(1), spoke: true)?.code == .packerFailed)
        #expect(fault(.exited(1), spoke: false)?.code == .packerFailed)
        #expect(fault(nil, spoke: true)?.code == .packerFailed)
        #expect(fault(nil, spoke: false)?.code == .buildKilled)
    }

    @Test("A QEMU terminated by a signal is an infrastructure fault")
    func terminatedQEMUIsInfrastructure() {
        let output = "Timeout.\nqemu: qemu-system-x86_64: terminating on signal 15 from pid 7 (sh)"
        #expect(fault(summary: output)?.code == .buildKilled)
        #expect(fault(tail: "in the guest: " + output, summary: "x")?.code == .packerFailed)
    }

    @Test(
        "A QEMU exit record round-trips",
        arguments: [QEMUExit.exited(0), .exited(1), .killed(signal: 9)])
    func qemuExitRoundTrips(end: QEMUExit) {
        #expect(QEMUExit(end.text) == end)
    }

    @Test(
        "A malformed QEMU exit record is ignored",
        arguments: ["", "signal", "signal \n", "signal 9 9", "signal x", "dead 1"])
    func malformedQEMUExitIsNil(text: String) { #expect(QEMUExit(text) == nil) }

    @Test("A missing QEMU is a host error") func missingQEMUIsHostError() {
        let output =
            "Failed creating Qemu driver: exec: \"qemu-system-x86_64\": executable file not found"
        #expect(fault(summary: output)?.code == .hostError)
    }
}

@Suite struct AdmissionTests {
    private func room(
        slots: Int = 2, running: [Requirements] = [], disk: Int64 = 100 << 30, attempts: Int = 0
    ) -> Admission.Room {
        .init(
            slots: slots, memoryBytes: 4 << 30, diskFreeBytes: disk, accelerators: [.tcg],
            running: running, attempts: attempts)
    }

    @Test("An attempt that fits is admitted") func admitsWhatFits() {
        #expect(Admission.refusal(Requirements(accelerator: .tcg), room()) == nil)
    }

    @Test("A refusal names the resource that is missing")
    func refusalNamesResource() throws {
        let one = Requirements(memoryBytes: 3 << 30)
        let refusals = [
            Admission.refusal(one, room(slots: 1, running: [one])),
            Admission.refusal(one, room(running: [one])),
            Admission.refusal(one, room(disk: 1 << 30)),
            Admission.refusal(Requirements(accelerator: .kvm), room()),
            Admission.refusal(one, room(attempts: ProtocolLimits.attemptsPerHost)),
        ]
        let messages = ["slots", "memory", "disk", "kvm", "acknowledged"]
        for (refusal, word) in zip(refusals, messages) {
            #expect(try #require(refusal).contains(word))
        }
    }

    @Test("Free disk excludes the reserve and the reservations of running attempts")
    func diskReservationsAreSubtracted() {
        let running = [Requirements(diskBytes: 10 << 30)]
        let free = Admission.diskFree(freeBytes: 20 << 30, running: running)
        #expect(free == 10 << 30 - AgentLimits.diskReserveBytes)
        #expect(Admission.diskFree(freeBytes: 1, running: running) == 0)
    }
}
