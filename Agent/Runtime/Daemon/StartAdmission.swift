import AgentCore
import BuildProtocol
import Support

/// Whether this host accepts a `start` now, and the order that its supervisor then gets.
struct StartAdmission: Sendable {
    let configuration: AgentConfiguration
    let fetchProgram: String
    private let reporter: HostReporter

    init(configuration: AgentConfiguration, fetchProgram: String) {
        self.configuration = configuration
        self.fetchProgram = fetchProgram
        reporter = HostReporter(configuration: configuration)
    }

    /// Why a start is not accepted, for the coordinator.
    struct Refusal: Error {
        var code: ErrorReport.Code
        var reason: String

        static func refused(_ reason: String) -> Refusal {
            Refusal(code: .refused, reason: reason)
        }
    }

    /// - Parameters:
    ///   - running: requirements of the attempts that run.
    ///   - count: attempts of any state on this host.
    func order(
        _ start: Start, _ probe: HostProbe, running: [Requirements], count: Int
    ) throws(Refusal) -> AttemptOrder {
        if let problem = StartCheck.problem(start) {
            throw Refusal(code: .malformed, reason: problem)
        }
        guard Templates.touch(start.template.sha256, configuration.state) else {
            throw Refusal(
                code: .templateMissing,
                reason: "the template \(start.template.sha256) is not on this host: deliver it, "
                    + "then send start again")
        }
        if let problem = probe.isolationProblem { throw .refused(problem) }
        let firmware = HostFacts.firmware(configuration.ovmfFolder)
        if case .test(let plan) = start.recipe.builder, plan.firmware == .uefi, firmware == nil {
            throw .refused(UEFIFirmware.missing(in: configuration.ovmfFolder))
        }
        let report = reporter.report(probe, running: running)
        let room = Admission.Room(
            slots: report.slots, memoryBytes: report.memoryBytes,
            diskFreeBytes: report.diskFreeBytes, accelerators: report.accelerators,
            running: running, attempts: count)
        if let refusal = Admission.refusal(start.requirements, room) { throw .refused(refusal) }
        return AttemptOrder(
            start: start,
            accelerator: start.requirements.accelerator ?? probe.preferredAccelerator,
            stateFolder: configuration.stateFolder, searchPath: configuration.searchPath,
            packer: configuration.packer, fetchProgram: fetchProgram,
            qemuSystem: configuration.qemuSystem, qemuImg: configuration.qemuImg,
            firmware: firmware, isolation: configuration.attemptIsolation,
            proxy: configuration.proxy, packerPlugins: configuration.packerPluginFolder,
            secrets: configuration.secrets.filter {
                start.recipe.secrets.contains($0.key)
            })
    }
}
