import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TextKit

/// A test attempt: fetches the image and runs one case after the other. Each case is a child
/// process, of which this one logs the output, applies the timers and kills the whole tree.
struct TestRun {
    let context: AttemptContext
    let plan: TestPlan
    let image: String

    /// Between the verdict on a case and what its program printed last.
    static let logEnds = "; its log ends:"

    /// Runs all cases. Only a case that the image failed is the image's fault.
    ///
    /// - Throws: `Fault`; the results of the finished cases are in the context.
    static func run(_ plan: TestPlan, _ wanted: BaseImage?, _ context: AttemptContext) throws {
        guard let wanted else {
            throw Fault(.infrastructure, .hostError, "the order names no image to test")
        }
        let image: FetchedBaseImage
        do {
            image = try BaseImageFetcher(context: context, wanted: wanted, isolation: nil)
                .fetch()
        } catch let fault as Fault where fault.class == .template {
            throw Fault(.infrastructure, fault.code, fault.reason)
        }
        let run = TestRun(context: context, plan: plan, image: image.path)
        try run.prepare()
        try context.enter(.building, "testing \(context.order.start.build.imageName)")
        try run.runAll()
    }

    // MARK: The login

    private func prepare() throws {
        try Files.makeFolder(context.folder.tests, mode: 0o700)
        guard let login = plan.login, !plan.isRemote else { return }
        let files = TestFiles(folder: context.folder)
        switch login.method {
        case .key: try copy(login.path, to: files.key)
        case .password:
            try copy(login.path, to: files.password)
            let askpass = GuestSSH.askpass(passwordFile: files.password)
            try Files.replace(files.askpass, with: Array(askpass.utf8), mode: 0o700)
        case .cloudInit: try makeSeed(login, files)
        }
    }

    /// With mode 600: SSH refuses a key that others can read.
    private func copy(_ path: String?, to target: String) throws {
        let source = "\(context.folder.work)/\(path ?? "")"
        guard path != nil, Files.exists(source) else {
            throw Fault(
                .template, .templateMissing,
                "\(Names.quoted(path ?? "")), which the test logs in with, is not in the template "
                    + "repository")
        }
        let bytes = try Files.read(source, limitBytes: AgentLimits.testFileBytes)
        try Files.replace(target, with: bytes, mode: 0o600)
    }

    private func makeSeed(_ login: GuestLogin, _ files: TestFiles) throws {
        let (status, output) = try HostTool.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "aibuild", "-f", files.key],
            context)
        guard status.isSuccess else {
            throw Fault(
                .infrastructure, .hostError, "ssh-keygen: \(status): \(output)")
        }
        let bytes = try Files.read(files.key + ".pub", limitBytes: AgentLimits.testFileBytes)
        let publicKey = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        let seed = ISOImage.make(
            volume: CloudInitSeed.volume,
            files: CloudInitSeed.files(
                instance: context.order.start.attempt.text, user: login.user, publicKey: publicKey))
        try Files.replace(files.seed, with: seed, mode: 0o600)
    }

    // MARK: The cases

    private func runAll() throws {
        var failed: Fault?
        for (index, test) in plan.cases.enumerated() {
            try context.checkpoint()
            let count = "\(index + 1) of \(plan.cases.count)"
            try context.report(.building, "test \(count): \(test.name)")
            let from = context.log.sizeBytes
            let started = Clocks.monotonicMilliseconds()
            try context.log.note("test \(count): \(test.name)")
            let (verdict, tail) = try run(test, index)
            let milliseconds = Clocks.monotonicMilliseconds() - started
            let fault = try judged(verdict)
            let outcome = fault == nil ? "passed" : "failed: \(fault?.reason ?? "")"
            try context.log.note(
                "test \(count): \(test.name) \(outcome) (\(milliseconds / 1000) s)")
            context.tests.append(
                TestResult(
                    name: test.name, result: fault == nil ? .passed : .failed,
                    milliseconds: milliseconds, detail: fault?.reason ?? "", logFrom: from,
                    logTo: context.log.sizeBytes))
            guard let fault else { continue }
            if failed == nil {
                failed = Self.fault(test, fault, tail)
                context.evidence = verdict.evidence
            }
            if verdict.isGuestDown { break }
        }
        if let failed { throw failed }
    }

    /// - Returns: the fault of the image, if any.
    /// - Throws: a fault that is not the image's.
    private func judged(_ verdict: TestVerdict) throws -> Fault? {
        guard let fault = verdict.fault else { return nil }
        if context.lowestFreeBytes < AgentLimits.fullDiskBytes {
            throw Fault(
                .infrastructure, .diskFull,
                "the host's disk was full while the image was tested: \(fault.reason)")
        }
        guard fault.class == .template else { throw fault }
        return fault
    }

    private func run(_ test: PlannedTest, _ index: Int) throws -> (TestVerdict, tail: String) {
        let files = TestFiles(folder: context.folder)
        let command = Command(
            [
                "/proc/self/exe", "test", context.folder.root, String(index), image,
            ],
            environment: BuildEnvironment.test(context.order, context.folder)
                .merging(context.secrets?.environment ?? [:]) { own, _ in own },
            workFolder: context.folder.work)
        var sink = RawSink()
        let inputs = [image] + (context.secrets?.files ?? [])
        // Silence does not count here: each step of a case has its own limit.
        let runner = ProgramRunner(
            context: context,
            confinement: plan.isOnline ? .online(reading: inputs) : .offline(reading: inputs),
            endsOnSilence: false)
        let status = try runner.run(command, &sink)
        let tail = sink.tail.text
        if let limit = context.exceededMemoryBytes { throw FaultClassifier.memoryFault(limit) }
        guard status.isSuccess,
            let verdict = try? StateFile.read(
                TestVerdict.self, files.verdict(index), limitBytes: AgentLimits.stateFileBytes)
        else {
            throw Fault(
                .infrastructure, status.exitCode == nil ? .buildKilled : .hostError,
                "the process that ran the test case \(Names.quoted(test.name)) ended with "
                    + "\(status): " + Self.lastLines(tail))
        }
        return (verdict, tail)
    }

    private static func fault(_ test: PlannedTest, _ fault: Fault, _ tail: String) -> Fault {
        let output = lastLines(tail)
        return Fault(
            .template, fault.code,
            "the image did not pass the test case \(Names.quoted(test.name)): \(fault.reason)"
                + (output.isEmpty ? "" : Self.logEnds + "\n" + output))
    }

    private static func lastLines(_ text: String) -> String {
        text.lines.suffix(AgentLimits.reasonLines).joined(separator: "\n")
    }
}
