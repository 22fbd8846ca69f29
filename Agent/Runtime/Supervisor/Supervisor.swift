import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TextKit

/// Runs one attempt, from its folder to its result, in a process that is detached from the daemon:
/// it continues if the daemon crashes, restarts or is upgraded.
struct Supervisor {
    let folder: AttemptFolder
    let order: AttemptOrder

    /// Runs the attempt. On return none of its processes is left, and `result.json` is durable.
    func run() throws {
        let started = Clocks.unixMilliseconds()
        let context = try AttemptContext(order, folder)
        var artifacts: [Artifact] = []
        var outcome = Outcome()
        do {
            (artifacts, outcome.exitCode) = try build(context)
        } catch {
            (outcome.fault, outcome.exitCode) = Self.fault(of: error, in: context)
        }
        let evidence = evidence(context, outcome)
        clean(context)
        if outcome.fault != nil {
            artifacts = []
            try? Files.remove(folder.artifacts)
        }
        // A full disk has space again by now.
        try? context.log.note(Self.logLine(outcome))
        let (logBytes, logSHA256) = try context.log.close()
        let result = Finished(
            attempt: folder.token, outcome: outcome, logBytes: logBytes, logSHA256: logSHA256,
            artifacts: artifacts, accelerator: order.accelerator,
            startedUnixMilliseconds: started, endedUnixMilliseconds: Clocks.unixMilliseconds(),
            evidence: evidence, tests: context.tests.isEmpty ? nil : context.tests,
            remoteImages: context.remoteImages.isEmpty ? nil : context.remoteImages)
        try Files.replace(folder.result, with: StateFile.encode(result), mode: 0o600)
    }

    private func build(_ context: AttemptContext) throws -> ([Artifact], Int?) {
        try context.checkpoint()
        try context.enter(.preparing)
        for path in [folder.temporary, folder.home, folder.artifacts, folder.baseImage] {
            try Files.makeFolder(path, mode: 0o700)
        }
        // What is copied from them keeps its mode; the attempt's folder is closed to others.
        for path in [folder.unpacked, folder.output] { try Files.makeFolder(path, mode: 0o755) }
        try QEMUShimLinks.make(folder, searchPath: order.searchPath)
        try TemplateUnpacker(context: context).unpack()
        let recipe = order.start.recipe
        let secrets = try AttemptSecrets(order)
        context.secrets = secrets
        DeliveredSecrets.discard(keeping: secrets.files, in: folder)
        if case .test(let plan) = recipe.builder {
            try TestRun.run(plan, recipe.baseImage, context)
            return ([], 0)
        }
        if order.isCheck == true {
            try PackerBuild.check(context)
            return ([], 0)
        }
        let baseImage = try recipe.baseImage.map {
            try BaseImageFetcher(context: context, wanted: $0, isolation: order.isolation).fetch()
        }
        try context.checkpoint()
        let files: [LeftFile]
        switch recipe.builder {
        case .test: files = []
        case .command(let arguments):
            try context.enter(.building)
            files = try CommandBuild(
                context: context, arguments: arguments, baseImagePath: baseImage?.path
            ).run()
        case .packer(let template):
            files = try PackerBuild(
                context: context, template: template, baseImage: baseImage
            ).run()
        }
        try context.enter(.hashing)
        let artifacts = try ArtifactCollector(context: context).collect(files)
        context.remoteImages = try RemoteImageFiles.images(in: artifacts, folder)
        return (artifacts, 0)
    }

    /// Evidence of the guest. A build that failed by itself has stopped its QEMU, but the serial
    /// console still exists.
    private func evidence(_ context: AttemptContext, _ outcome: Outcome) -> GuestEvidence? {
        guard let fault = outcome.fault, fault.class != .cancelled else { return nil }
        if let evidence = context.evidence { return Self.masked(evidence, context) }
        let evidence = GuestFolder(path: folder.guests).serialTail()
            .map { GuestEvidence(serialTail: $0) }
        return Self.masked(evidence, context)
    }

    private static func masked(
        _ evidence: GuestEvidence?, _ context: AttemptContext
    ) -> GuestEvidence? {
        guard let mask = context.secrets?.mask, !mask.isEmpty, var evidence else {
            return evidence
        }
        evidence.serialTail = evidence.serialTail.map {
            String(decoding: mask.masked(Array($0.utf8)), as: UTF8.self)
        }
        return evidence
    }

    /// The outcome with the first line of its reason; the others quote the log above.
    private static func logLine(_ outcome: Outcome) -> String {
        guard let fault = outcome.fault else { return "passed" }
        let line = fault.reason.lines.first ?? ""
        let end = line.hasSuffix(TestRun.logEnds) ? TestRun.logEnds.count : line.last == ":" ? 1 : 0
        return "failed: \(fault.code.rawValue): \(line.dropLast(end))"
    }

    /// Kills what still runs and deletes the scratch files.
    private func clean(_ context: AttemptContext) {
        context.group?.kill()
        _ = Descendants.sweep()
        context.group?.remove()
        ShortFolders(state: StateFolder(order.stateFolder)).remove(of: folder)
        for path in folder.scratch { try? Files.remove(path) }
    }

    private static func fault(
        of error: any Error, in context: AttemptContext
    ) -> (Fault, exitCode: Int?) {
        switch error {
        case let fault as Fault: return (fault, nil)
        case let failed as ProgramFault: return (failed.fault, failed.exitCode)
        case let error as SystemError where error.isDiskFull:
            return (
                Fault(
                    .infrastructure, .diskFull,
                    "the host's disk is full: \(error); free some space under "
                        + "\(context.order.stateFolder)"), nil
            )
        default:
            return (Fault(.infrastructure, .hostError, "the agent failed: \(error)"), nil)
        }
    }
}
