import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TextKit

/// Probes this host's programs and accelerators. Blocks: run it on a thread of its own.
struct HostProber: Sendable {
    let configuration: AgentConfiguration

    /// A result that is valid while machine and programs are the same.
    private struct Cached: Codable {
        var bootID: String
        var choice: String
        var qemu: FileIdentity?
        var packer: FileIdentity?
        var isKVMOpen: Bool
        var probe: HostProbe
    }

    func probe() -> HostProbe {
        var probe = probePrograms()
        if !Files.exists(OwnProgram.fetch) {
            probe.notices.append(
                "\(OwnProgram.fetch) is missing: only templates without a base image from another "
                    + "machine can be built, and no image tested. Copy it there; it belongs to "
                    + "this agent")
        }
        // Not cached: it is quick, and a sysctl may change it.
        switch configuration.isolation {
        case .none:
            probe.notices.append(IsolationProbe.noneNotice)
            if let notice = IsolationProbe.depthNotice(configuration) {
                probe.notices.append(notice)
            }
        case .bubblewrap:
            probe.isolationProblem = IsolationProbe.problem(configuration)
            if let problem = probe.isolationProblem { probe.notices.append(problem) }
        }
        return probe
    }

    private func probePrograms() -> HostProbe {
        let path = configuration.searchPath
        let qemu = Command.find(configuration.qemuSystem, path: path)
        let packer = Command.find(configuration.packer, path: path)
        var found = Cached(
            bootID: HostFacts.bootID(), choice: configuration.accelerator.rawValue,
            qemu: qemu.flatMap { FileIdentity($0) }, packer: packer.flatMap { FileIdentity($0) },
            isKVMOpen: access("/dev/kvm", R_OK | W_OK) == 0, probe: HostProbe())
        if let cached = cached(), isSame(cached, found) { return cached.probe }

        found.probe.packerVersion = packer.flatMap { version($0, "version") }
        found.probe.qemuVersion = qemu.flatMap { version($0, "--version") }
        if packer == nil {
            found.probe.notices.append(
                "Packer is not installed: only templates with `builder: command` can be built")
        }
        if let qemu {
            probeAccelerators(qemu, &found.probe)
        } else {
            found.probe.notices.append(
                "\(configuration.qemuSystem) is not installed: no accelerator can be offered")
        }
        if let bytes = try? StateFile.encode(found) {
            try? Files.replace(configuration.state.probe, with: bytes, mode: 0o600)
        }
        return found.probe
    }

    private func cached() -> Cached? {
        try? StateFile.read(
            Cached.self, configuration.state.probe, limitBytes: AgentLimits.stateFileBytes)
    }

    private func isSame(_ cached: Cached, _ found: Cached) -> Bool {
        cached.bootID == found.bootID && cached.choice == found.choice
            && cached.qemu == found.qemu && cached.packer == found.packer
            && cached.isKVMOpen == found.isKVMOpen
    }

    // MARK: Accelerators

    /// Offers the configured accelerator without a probe, or those that boot a guest.
    private func probeAccelerators(_ qemu: String, _ probe: inout HostProbe) {
        switch configuration.accelerator {
        case .tcg: probe.accelerators = [.tcg]
        case .kvm:
            if let closed = kvmClosed() {
                probe.notices.append(closed)
            } else {
                probe.accelerators = [.kvm]
            }
        case .auto: tryAccelerators(qemu, &probe)
        }
    }

    private func tryAccelerators(_ qemu: String, _ probe: inout HostProbe) {
        let image = configuration.state.root + "/probe.img"
        defer { unlink(image) }
        do { try Files.replace(image, with: BootProbe.bootSector, mode: 0o600) } catch {
            probe.notices.append("the accelerators could not be probed: \(error)")
            return
        }
        let tcg = bootSector(qemu, .tcg, image)
        switch tcg {
        case .success: probe.accelerators.insert(.tcg)
        case .failure(let why): probe.notices.append("tcg does not work: \(why)")
        }
        if !Files.exists("/dev/kvm") { return }
        if let refusal = kvmRefusal(qemu, image, tcg) {
            probe.notices.append(refusal)
        } else {
            probe.accelerators.insert(.kvm)
        }
    }

    private func kvmClosed() -> String? {
        guard Files.exists("/dev/kvm") else { return "this host has no /dev/kvm" }
        guard access("/dev/kvm", R_OK | W_OK) == 0 else {
            return "the agent cannot open /dev/kvm: add its user to the group kvm"
        }
        return nil
    }

    /// Why KVM is not offered; `nil` if guests run under it.
    private func kvmRefusal(
        _ qemu: String, _ image: String, _ tcg: Result<Int64, Failure>
    ) -> String? {
        if let closed = kvmClosed() { return closed }
        switch bootSector(qemu, .kvm, image) {
        case .failure(let why): return "/dev/kvm opens, but nothing boots under it: \(why)"
        case .success(let kvmMilliseconds):
            if case .success(let tcgMilliseconds) = tcg,
                let slow = BootProbe.slowness(
                    kvmMilliseconds: kvmMilliseconds, tcgMilliseconds: tcgMilliseconds)
            {
                return slow
            }
        }
        guard let kernel = readableKernel() else { return nil }
        let arguments = BootProbe.kernelArguments(qemu: qemu, kernel: kernel)
        switch run(arguments, seconds: BootProbe.kernelSeconds) {
        case .success: return nil
        case .failure(let why):
            return "/dev/kvm opens, but the kernel \(kernel) hangs under it: \(why)"
        }
    }

    /// - Returns: how long the boot took.
    private func bootSector(
        _ qemu: String, _ accelerator: Accelerator, _ image: String
    ) -> Result<Int64, Failure> {
        let started = Clocks.monotonicMilliseconds()
        let arguments = BootProbe.sectorArguments(
            qemu: qemu, accelerator: accelerator.rawValue, image: image)
        return run(arguments, seconds: BootProbe.sectorSeconds).flatMap { output in
            guard output.status == .exited(BootProbe.bootedStatus) else {
                let lastLine = output.stderrText.lines.last ?? ""
                return .failure(Failure("QEMU ended with \(output.status) \(lastLine)"))
            }
            return .success(Clocks.monotonicMilliseconds() - started)
        }
    }

    private func readableKernel() -> String? {
        ((try? Files.list("/boot")) ?? []).filter { $0.hasPrefix("vmlinuz") }
            .map { "/boot/\($0)" }.last { access($0, R_OK) == 0 }
    }

    private func version(_ program: String, _ option: String) -> String? {
        guard case .success(let output) = run([program, option], seconds: 20) else { return nil }
        return BootProbe.version(in: output.stdoutText)
    }

    private func run(_ arguments: [String], seconds: Int) -> Result<Command.Output, Failure> {
        var environment = Command.minimalEnvironment
        environment["PATH"] = configuration.searchPath
        environment["CHECKPOINT_DISABLE"] = "1"
        environment["HOME"] = configuration.state.root
        // QEMU keeps what a guest writes in a temporary file; the unit makes /var/tmp read-only.
        environment["TMPDIR"] = configuration.state.root
        environment[ProcessMark.stateFolder] = configuration.stateFolder
        let command = Command(arguments, environment: environment)
        do { return .success(try command.runBlocking(timeoutSeconds: seconds)) } catch {
            return .failure(Failure(cause: error))
        }
    }
}
