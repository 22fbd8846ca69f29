import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// The QEMU of one boot.
final class TestGuest {
    let port: Int
    private let process: ChildProcess
    private let folder: AttemptFolder
    private var status: ExitStatus?

    private init(_ process: consuming ChildProcess, port: Int, _ folder: AttemptFolder) {
        self.process = process
        self.port = port
        self.folder = folder
    }

    /// Boots the image on a fresh overlay. If another program takes the port before QEMU does, the
    /// next port is tried.
    static func boot(
        _ order: AttemptOrder, _ folder: AttemptFolder, _ plan: TestPlan, image: String
    ) throws -> TestGuest {
        try makeOverlay(order, folder, plan, image)
        let ports = try FreePorts.block(for: folder.token)
        var last = Fault(.infrastructure, .portRace, "no port is free")
        for port in ports.prefix(AgentLimits.testPortTries) {
            let guest = TestGuest(
                try start(order, folder, plan, port: port), port: port, folder)
            if try guest.hasStarted() { return guest }
            last = guest.exitFault(isUp: false)
            guard last.code == .portRace else { break }
        }
        throw last
    }

    private static func makeOverlay(
        _ order: AttemptOrder, _ folder: AttemptFolder, _ plan: TestPlan, _ image: String
    ) throws {
        let files = TestFiles(folder: folder)
        try Files.remove(files.overlay)
        let arguments = TestMachine.overlayArguments(
            qemuImg: order.qemuImg ?? "qemu-img", image: image, format: plan.imageFormat,
            overlay: files.overlay)
        let command = Command(arguments, environment: BuildEnvironment.common(order, folder))
        let output: Command.Output
        do {
            output = try command.runBlocking(timeoutSeconds: AgentLimits.testSlackSeconds)
        } catch {
            throw Fault(.infrastructure, .hostError, "qemu-img cannot be run: \(error)")
        }
        guard output.status.isSuccess else {
            if output.stderrText.contains("No space left on device") {
                throw SystemError(errno: ENOSPC, "cannot write \(files.overlay)")
            }
            // An image that qemu-img cannot read does not boot anywhere else.
            throw TestVerdict.failed("qemu-img cannot read the image: \(output.stderrText)")
        }
    }

    /// Firmware with fresh variables for each boot: what a guest writes there is not in the image.
    private static func makeFirmware(
        _ order: AttemptOrder, _ plan: TestPlan, _ files: TestFiles
    ) throws -> UEFIFirmware? {
        guard plan.firmware == .uefi else { return nil }
        guard var firmware = order.firmware else {
            throw Fault(.infrastructure, .hostError, "this host has no UEFI firmware")
        }
        let fresh = try Files.read(
            firmware.variables, limitBytes: AgentLimits.firmwareVariablesBytes)
        firmware.variables = files.firmwareVariables
        try Files.replace(firmware.variables, with: fresh, mode: 0o600)
        return firmware
    }

    private static func start(
        _ order: AttemptOrder, _ folder: AttemptFolder, _ plan: TestPlan, port: Int
    ) throws -> ChildProcess {
        guard let accelerator = order.accelerator else {
            throw Fault(.infrastructure, .hostError, "this host has no accelerator for QEMU")
        }
        let files = TestFiles(folder: folder)
        let needs = order.start.requirements
        let firmware = try makeFirmware(order, plan, files)
        let machine = TestMachine(
            accelerator: accelerator, vcpus: needs.vcpus, memoryBytes: needs.memoryBytes,
            disk: plan.disk, network: plan.network, overlay: files.overlay, firmware: firmware,
            seed: Files.exists(files.seed) ? files.seed : nil, hostPort: port,
            guestPort: plan.port, isOnline: plan.isOnline)
        // By its name, so that the shim is found first and adds control socket and console.
        let program = Files.name(of: order.qemuSystem ?? "qemu-system-x86_64")
        let log = try Descriptor(files.qemuLog, O_WRONLY | O_CREAT | O_TRUNC)
        do {
            return try ChildProcess(
                Command(
                    [program] + machine.arguments,
                    environment: BuildEnvironment.test(order, folder), workFolder: folder.tests),
                streams: .init(output: log.raw, error: log.raw))
        } catch {
            throw Fault(.infrastructure, .hostError, "QEMU cannot be run: \(error)")
        }
    }

    /// Whether QEMU has opened its control socket, which it does after binding its port.
    private func hasStarted() throws -> Bool {
        let socket = GuestFolder(path: folder.guests).file(process.pid, QEMUShim.socketSuffix)
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.testStartMilliseconds
        while try !hasEnded() {
            if Files.exists(socket), (try? query { _ in }) != nil { return true }
            guard Clocks.monotonicMilliseconds() < deadline else { return true }
            try wait(until: Clocks.monotonicMilliseconds() + AgentLimits.guestPollMilliseconds)
        }
        return false
    }

    private func query(_ body: (QMPClient) throws -> Void) throws {
        let place = try Descriptor(folder.guests, O_RDONLY | O_DIRECTORY)
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.guestQueryMilliseconds
        try body(
            try QMPClient(
                GuestFolder.socketPath(place, process.pid), deadlineMilliseconds: deadline))
    }

    func pressPowerButton() throws {
        do {
            try query { _ = try $0.execute("system_powerdown", returning: QMPClient.Ignored.self) }
        } catch {
            throw Fault(
                .infrastructure, .hostError, "cannot press the power button in QEMU: \(error)")
        }
    }

    // MARK: The exit

    /// Returns at the given time, or once QEMU has exited.
    func wait(until milliseconds: Int64) throws {
        if status == nil { _ = try Wait.readable([process.pidfd.raw], until: milliseconds) }
    }

    /// Does not wait.
    func hasEnded() throws -> Bool {
        if status == nil { status = try process.reap() }
        return status != nil
    }

    /// As `hasEnded`, after an operation on the guest has failed. The control socket shows at once
    /// that QEMU is gone; its exit status follows a moment later.
    func hasEndedMeanwhile() throws -> Bool {
        if try !hasEnded(), (try? query { _ in }) == nil {
            try wait(until: Clocks.monotonicMilliseconds() + AgentLimits.guestQueryMilliseconds)
        }
        return try hasEnded()
    }

    var hasExitedCleanly: Bool { status?.isSuccess ?? false }

    func exitFault(isUp: Bool) -> Fault {
        let files = TestFiles(folder: folder)
        return TestGuestExit.fault(
            exitCode: status?.exitCode, signal: status?.signal,
            output: files.tail(of: files.qemuLog),
            isUp: isUp)
    }

    func end() {
        guard status == nil else { return }
        process.signalGroup(SIGKILL)
        while (try? hasEnded()) == false {
            let soon = Clocks.monotonicMilliseconds() + AgentLimits.tickMilliseconds
            do { try wait(until: soon) } catch { return }
        }
    }
}
