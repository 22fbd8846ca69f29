import AgentCore
import BuildProtocol
import Glibc
import PackerKit
import ProcessKit
import Support
import TextKit

/// Runs `packer build` on a template, after `packer validate` and, for old templates, `packer fix`.
struct PackerBuild {
    let context: AttemptContext
    /// The path of the template, relative to the work folder.
    let template: String
    let baseImage: FetchedBaseImage?

    /// Only looks whether this host's Packer takes the template. An empty file stands for its base
    /// image, and no image is fetched.
    /// - Throws: the fault with which a build would end before it began.
    static func check(_ context: AttemptContext) throws {
        guard case .packer(let template) = context.order.start.recipe.builder else { return }
        let image = try context.order.start.recipe.baseImage.map { wanted in
            let path = "\(context.folder.baseImage)/\(BaseImageURL.fileName(wanted.url))"
            try Files.replace(path, with: [], mode: 0o400)
            return FetchedBaseImage(path: path, digest: wanted.digest)
        }
        let build = PackerBuild(context: context, template: template, baseImage: image)
        let inputs = try PackerInputs(template, context)
        _ = try build.validate(inputs.language, build.runs(inputs, fetchesImages: false))
    }

    /// - Returns: the files that Packer announced, and what aibuild.yml names.
    func run() throws -> [LeftFile] {
        let inputs = try PackerInputs(template, context)
        let runs = try runs(inputs, fetchesImages: true)
        let accepted = try validate(inputs.language, runs)
        let started = Clocks.unixMilliseconds()
        var announced: [String] = []
        for run in runs {
            try context.enter(.building, run.shown(accepted))
            announced += try build(accepted, run)
        }
        var files = try ArtifactSearch.find(left(announced, since: started), context)
        if let list = try remoteImageList() { files.append(list) }
        if files.isEmpty { throw ProgramFault(nothingLeft(announced), 0) }
        return files
    }

    /// The file that says what Packer made elsewhere, if it made something.
    private func remoteImageList() throws -> LeftFile? {
        guard !context.remoteImages.isEmpty else { return nil }
        let path = "\(context.folder.output)/\(RemoteImageList.fileName)"
        try Files.replace(
            path, with: StateFile.encode(RemoteImageList(context.remoteImages)), mode: 0o644)
        return LeftFile(path: path, kind: .remote)
    }

    private var folders: ProgramFolders { ProgramFolders(context.order, context.folder) }

    /// One `packer build`, and the arguments that select what it builds.
    private struct Run {
        var only: [String]
        var except: [String]
        var variables: [String]
        var provisioners: [ProvisionerBlock]
        /// The names of the sources that make images elsewhere.
        var remoteSources: [String]

        var selection: [String] { PackerSelection.arguments(only: only, except: except) }

        func shown(_ template: String) -> String {
            (["packer", "build"] + selection + [template]).joined(separator: " ")
        }
    }

    /// What Packer is to build, after its files were written.
    private func runs(_ inputs: PackerInputs, fetchesImages: Bool) throws -> [Run] {
        try Files.makeFolder(context.folder.temporary + "/packer_cache", mode: 0o700)
        try Files.replace(
            context.folder.home + "/packerconfig", with: Array("{}\n".utf8), mode: 0o600)
        let variables = try inputs.prepare(offer(), fetchesImages: fetchesImages)
        let options = context.order.start.recipe.packer ?? PackerOptions()
        return options.runs.map { only in
            let except = options.except ?? []
            return Run(
                only: only, except: except, variables: variables,
                provisioners: inputs.provisioners(only: only, except: except),
                remoteSources: inputs.remoteSources(only: only, except: except))
        }
    }

    private func offer() throws -> PackerVariables.Offer {
        let start = context.order.start
        return PackerVariables.Offer(
            // Packer creates the folder, and refuses an existing one.
            outputFolder: folders.packerOutput, imageName: start.build.imageName,
            buildNumber: start.build.number, baseImagePath: baseImage?.path,
            baseImageDigest: baseImage?.digest, accelerator: context.order.accelerator,
            vcpus: start.requirements.vcpus, memoryBytes: start.requirements.memoryBytes,
            ports: try FreePorts.block(for: start.attempt))
    }

    // MARK: Validate and fix

    /// - Returns: the template that Packer accepts: the repository's own, or a fixed one.
    private func validate(
        _ language: PackerTemplate.Language, _ runs: [Run]
    ) throws -> String {
        guard let rejected = try rejection(of: template, runs) else { return template }
        guard language == .json, let fixed = try fix() else {
            throw Fault(
                .template, .packerRejected, "Packer does not accept the template:\n" + rejected)
        }
        guard let stillRejected = try rejection(of: fixed, runs) else {
            try context.log.note(
                "packer fix made the template acceptable to this host's Packer; its changes:")
            _ = try HostTool.run(
                ["diff", "-u", "--label", template, "--label", "fixed", template, fixed], context)
            return fixed
        }
        throw Fault(
            .template, .packerRejected,
            "Packer accepts neither the template nor the output of `packer fix`:\n"
                + stillRejected)
    }

    /// Packer's error messages, or `nil` if it accepts the template.
    private func rejection(of template: String, _ runs: [Run]) throws -> String? {
        for run in runs {
            if let rejection = try rejection(of: template, run) { return rejection }
        }
        return nil
    }

    private func rejection(of template: String, _ run: Run) throws -> String? {
        var sink = CaptureSink(limitBytes: AgentLimits.packerTemplateBytes)
        let status = try packer(
            ["validate"] + run.selection + run.variables + [template], &sink)
        if status.isSuccess { return nil }
        if let signal = status.signal {
            throw Fault(
                .infrastructure, .buildKilled,
                "Packer was killed by signal \(signal) while it read the template")
        }
        // Versions of Packer differ in which stream they use.
        let said = String(decoding: sink.output, as: UTF8.self)
            .replacing(folders.work + "/", with: "")
        if !said.isEmpty { try context.log.note(said) }
        let tail = sink.tail.text.replacing(folders.work + "/", with: "")
        let lines = (said + tail).lines
        return lines.isEmpty
            ? "packer validate: \(status)"
            : PackerAdvice.completing(lines.joined(separator: "\n"))
    }

    /// Upgrades an old template.
    /// - Returns: the path of the fixed template, which is next to the old one, so that relative
    ///   paths in it stay valid.
    private func fix() throws -> String? {
        var sink = CaptureSink(limitBytes: AgentLimits.packerTemplateBytes)
        let status = try packer(["fix", "-validate=false", template], &sink)
        guard status.isSuccess, !sink.isOverLimit, !sink.output.isEmpty else { return nil }
        let folder = Files.folder(of: template)
        let name = ".aibuild-fixed-" + Files.name(of: template)
        let fixed = folder == "." ? name : "\(folder)/\(name)"
        let path = "\(context.folder.work)/\(fixed)"
        try Files.replace(path, with: sink.output, mode: 0o600)
        try context.log.note("trying the template again as changed by `packer fix`")
        return fixed
    }

    // MARK: Build

    /// - Returns: the files that Packer announced.
    private func build(_ template: String, _ run: Run) throws -> [String] {
        var sink = PackerSink(provisioners: run.provisioners)
        let watch = QEMUWatch(context)
        let made = context.remoteImages
        let status = try packer(
            ["build", "-machine-readable", "-color=false"] + run.selection + run.variables
                + [template], &sink
        ) { sink, hasEnded in
            context.remoteImages = made + sink.packer.remoteImages(of: run.remoteSources)
            return watch.check(sink.packer, hasEnded: hasEnded)
        }
        let end = FaultClassifier.End(
            program: .packer, exitCode: status.exitCode, signal: status.signal,
            tail: sink.tail.text, summary: sink.packer.reason,
            qemuExit: watch.exit, hasQEMUOutput: sink.packer.hasQEMUOutput,
            qemuGoneMilliseconds: watch.goneMilliseconds,
            lowestFreeBytes: context.lowestFreeBytes,
            exceededMemoryBytes: context.exceededMemoryBytes,
            outOfMemoryKills: context.outOfMemoryKills)
        if let fault = FaultClassifier.fault(end) { throw ProgramFault(fault, status.exitCode) }
        return sink.packer.files
    }

    private func nothingLeft(_ announced: [String]) -> Fault {
        guard let missing = announced.first else {
            return Fault(
                .template, .noImage,
                "Packer succeeded but made no file: the template needs a builder that leaves "
                    + "an image (qemu, file …) which no post-processor deletes")
        }
        return Fault(
            .template, .noImage,
            "Packer announced \(Names.quoted(Files.name(of: missing))), which does not exist any "
                + "more, and the output folder is empty: if a post-processor moves it, let it stay "
                + "in {{user `outdir`}}, or name it under `artifacts` in aibuild.yml")
    }

    /// The announced files. If a post-processor such as `shell-local` renamed one, Packer does not
    /// notice: then everything in the output folder is taken as well, and what was made beside it.
    ///
    /// - Parameter start: when Packer was started.
    private func left(_ announced: [String], since start: Int64) throws -> [String] {
        let paths = announced.map { path in
            path.hasPrefix("/")
                ? folders.real(path, in: context.folder) : "\(context.folder.work)/\(path)"
        }
        var files = paths.filter { Files.exists($0) }
        guard files.count < paths.count || paths.isEmpty else { return files }
        var beside = try ArtifactSearch.files(in: context.folder.output, context)
        for folder in Set(paths.map { Files.folder(of: $0) }).sorted() {
            // A folder of the template, but not the whole template.
            guard let real = Links.resolved(folder), real != Links.resolved(context.folder.work),
                let root = Links.resolved(context.folder.work), real.hasPrefix(root + "/")
            else { continue }
            beside += try Files.list(folder).sorted().map { "\(folder)/\($0)" }.filter {
                (Files.modifiedNanoseconds($0) ?? 0) / 1_000_000 >= start
            }
        }
        for path in beside where Files.kind(path) == .file && !files.contains(path) {
            files.append(path)
        }
        return files
    }

    private func packer<Sink: OutputSink>(
        _ arguments: [String], _ sink: inout Sink,
        observe: (Sink, _ hasEnded: Bool) -> Fault? = { _, _ in nil }
    ) throws -> ExitStatus {
        var environment = BuildEnvironment.packer(context.order, context.folder)
        // Only the debug log of a build is read.
        if arguments.first != "build" { environment["PACKER_LOG"] = nil }
        environment.merge(context.secrets?.environment ?? [:]) { own, _ in own }
        let limits =
            context.order.isCheck == true
            ? ["prlimit", "--as=\(AgentLimits.checkAddressBytes)", "--core=0"] : []
        let command = Command(
            limits + [context.order.packer] + arguments, environment: environment,
            workFolder: context.folder.work)
        do {
            // Not only for builds: data sources of a template are read to validate it.
            let inputs = (baseImage.map { [$0.path] } ?? []) + (context.secrets?.files ?? [])
            let runner = ProgramRunner(context: context, confinement: .online(reading: inputs))
            return try runner.run(command, &sink, observe: observe)
        } catch let error as NotRunnable {
            throw Fault(
                .infrastructure, .hostError,
                "Packer is not installed on this host (\(error)); install it, or set `packer` in "
                    + "agent.yml")
        }
    }
}
