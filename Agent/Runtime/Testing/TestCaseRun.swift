import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// One test case: boots the image on its own overlay, and runs the case.
struct TestCaseRun {
    let order: AttemptOrder
    let folder: AttemptFolder
    let plan: TestPlan
    let test: PlannedTest
    let image: String

    private var files: TestFiles { TestFiles(folder: folder) }

    func run() -> TestVerdict {
        do {
            for boot in 1...test.boots {
                if test.boots > 1 { Self.report("boot \(boot) of \(test.boots)") }
                try runOnce()
            }
            return TestVerdict()
        } catch var verdict as TestVerdict {
            if verdict.evidence == nil {
                // Otherwise the console of the next case's guest would be shown.
                verdict.evidence = GuestFolder(path: folder.guests).serialTail()
                    .map { GuestEvidence(serialTail: $0) }
            }
            return verdict
        } catch let fault as Fault {
            return TestVerdict(fault: fault)
        } catch let error as SystemError where error.isDiskFull {
            return TestVerdict(
                fault: Fault(.infrastructure, .diskFull, "the host's disk is full: \(error)"))
        } catch {
            return TestVerdict(
                fault: Fault(.infrastructure, .hostError, "the agent failed: \(error)"))
        }
    }

    private func runOnce() throws {
        if plan.isRemote { return try runRemotely() }
        let guest = try TestGuest.boot(order, folder, plan, image: image)
        defer { guest.end() }
        try waitUntilUp(guest)
        switch test.kind {
        case .boot, .bootRepeated: break
        case .shutdown: try shutDown(guest)
        case .script: try runScript(guest)
        case .program: try runProgram(guest)
        }
    }

    static func report(_ text: String) {
        var text = text + "\n"
        text.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
    }

    // MARK: Steps

    private func waitUntilUp(_ guest: TestGuest) throws {
        let seconds = test.bootSeconds(in: plan)
        let started = Clocks.monotonicMilliseconds()
        let deadline = started + Int64(seconds) * 1000
        var readiness = GuestReadiness(order: order, folder: folder, plan: plan, port: guest.port)
        while true {
            // A slow guest needs longer to respond.
            let patience = AgentLimits.probeMilliseconds(
                after: Clocks.monotonicMilliseconds() - started)
            if try readiness.check(guest, patienceMilliseconds: patience, until: deadline) { break }
            if try guest.hasEnded() { throw exit(guest, isUp: false) }
            guard Clocks.monotonicMilliseconds() < deadline else {
                throw silent(guest, seconds, readiness)
            }
            try guest.wait(
                until: min(
                    deadline, Clocks.monotonicMilliseconds() + AgentLimits.guestProbeMilliseconds))
        }
        let tenths = (Clocks.monotonicMilliseconds() - started) / 100
        Self.report("the guest is up after \(tenths / 10).\(tenths % 10) s")
    }

    /// The verdict on a guest that does not boot, with evidence of its state.
    private func silent(_ guest: TestGuest, _ seconds: Int, _ readiness: GuestReadiness)
        -> TestVerdict
    {
        let evidence = GuestQuery(
            folder: GuestFolder(path: folder.guests), token: folder.token
        ).evidence()
        if let status = evidence?.status, status == "io-error" || status == "internal-error" {
            return TestVerdict(
                fault: Fault(
                    .infrastructure, .hostError, "QEMU stopped the guest and reports \(status)"),
                evidence: evidence)
        }
        let reason = SilentGuest.reason(
            plan, seconds: seconds, hasAnswered: readiness.hasAnswered,
            hasConsole: evidence?.serialTail != nil, output: readiness.sshOutput)
        return TestVerdict(
            fault: Fault(.template, .testFailed, reason),
            isGuestDown: true, evidence: evidence)
    }

    private func exit(_ guest: TestGuest, isUp: Bool) -> TestVerdict {
        TestVerdict(fault: guest.exitFault(isUp: isUp), isGuestDown: !isUp)
    }

    private func shutDown(_ guest: TestGuest) throws {
        try guest.pressPowerButton()
        Self.report("pressed the guest's power button")
        try guest.wait(until: deadline())
        guard try guest.hasEnded() else {
            throw TestVerdict.failed(
                "the guest did not shut down within \(test.limitSeconds) s after its ACPI power "
                    + "button was pressed")
        }
        guard guest.hasExitedCleanly else { throw exit(guest, isUp: true) }
    }

    private func runScript(_ guest: TestGuest) throws {
        guard let login = plan.login else { throw Failure("the plan has no login") }
        let path: String
        if let text = test.text {
            path = files.script
            try Files.replace(path, with: Array(text.utf8), mode: 0o600)
        } else {
            path = "\(folder.work)/\(test.path ?? "")"
        }
        guard Files.kind(path) == .file else {
            throw Fault(
                .template, .templateMissing,
                "the script \(Names.quoted(test.path ?? "")) is not in the template repository")
        }
        let input = try Descriptor(path, O_RDONLY)
        let shell = GuestShell(order: order, folder: folder, login: login, port: guest.port)
        try runToEnd(shell.command(GuestSSH.runScript), input: input.raw, what: "the script", guest)
    }

    /// The image is elsewhere: the program boots it there, or looks at it.
    private func runRemotely() throws {
        guard test.kind == .program else {
            throw TestVerdict.failed("only a program can test an image that is not on this host")
        }
        let list = try StateFile.read(
            RemoteImageList.self, image, limitBytes: AgentLimits.remoteListBytes)
        var environment = BuildEnvironment.common(order, folder)
        environment["AIBUILD_REMOTE_IMAGES"] = image
        environment["AIBUILD_REMOTE_IDS"] = list.images.compactMap(\.id).joined(separator: "\n")
        for name in (order.start.recipe.environment ?? [:]).keys {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        try runProgram(environment, nil)
    }

    private func runProgram(_ guest: TestGuest) throws {
        var environment = BuildEnvironment.common(order, folder)
        environment["AIBUILD_GUEST_ADDRESS"] = "127.0.0.1"
        environment["AIBUILD_GUEST_PORT"] = String(guest.port)
        if let login = plan.login {
            environment["AIBUILD_GUEST_USER"] = login.user
            if login.method == .password {
                let bytes = try Files.read(files.password, limitBytes: AgentLimits.testFileBytes)
                environment["AIBUILD_GUEST_PASSWORD"] = String(
                    decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
            } else {
                environment["AIBUILD_GUEST_KEY"] = files.key
            }
        }
        try runProgram(environment, guest)
    }

    private func runProgram(_ own: [String: String], _ guest: TestGuest?) throws {
        if let text = test.text {
            try Files.replace(files.script, with: Array(text.utf8), mode: 0o700)
        }
        let arguments = test.text == nil ? test.command ?? [] : [files.script]
        var environment = own
        environment["AIBUILD_IMAGE_NAME"] = order.start.build.imageName
        environment["AIBUILD_BUILD_NUMBER"] = String(order.start.build.number)
        environment["AIBUILD_TEST_CASE"] = test.name
        let command = Command(arguments, environment: environment, workFolder: folder.work)
        do { try runToEnd(command, input: -1, what: "the program", guest) } catch let error
            as NotRunnable
        {
            throw TestVerdict.failed("the program cannot be run on this host: \(error)")
        }
    }

    private func runToEnd(
        _ command: Command, input: Int32, what: String, _ guest: TestGuest?
    ) throws {
        let child: ChildProcess
        do {
            child = try ChildProcess(command, streams: .init(input: input, output: 1, error: 2))
        } catch {
            throw NotRunnable.or(error)
        }
        _ = try Wait.readable([child.pidfd.raw], until: deadline())
        guard let status = try child.reap() else {
            child.signalGroup(SIGKILL)
            throw TestVerdict.failed("\(what) took longer than \(test.limitSeconds) s")
        }
        if status.isSuccess { return }
        // If the guest died in the meantime, that explains it better.
        if let guest, try guest.hasEndedMeanwhile(), !guest.hasExitedCleanly {
            throw exit(guest, isUp: true)
        }
        throw TestVerdict.failed("\(what) ended with \(status)")
    }

    private func deadline() -> Int64 {
        Clocks.monotonicMilliseconds() + Int64(test.limitSeconds) * 1000
    }
}

extension Wait {
    /// As `readable`, until a point in time.
    static func readable(
        _ descriptors: [Int32], until milliseconds: Int64
    ) throws(SystemError) -> Bool {
        while true {
            let rest = milliseconds - Clocks.monotonicMilliseconds()
            let isReady = try readable(
                descriptors, timeoutMilliseconds: Int32(clamping: max(0, rest))
            ).contains(true)
            if isReady || rest <= 0 { return isReady }
        }
    }
}
