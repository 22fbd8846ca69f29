import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TextKit

/// Runs a template's own program.
struct CommandBuild {
    let context: AttemptContext
    let arguments: [String]
    let baseImagePath: String?

    /// - Returns: everything in the output folder, and what aibuild.yml names.
    func run() throws -> [LeftFile] {
        if context.order.start.recipe.jenkins != nil { try prepareJenkins() }
        let program = try checkedProgram()
        var environment = try BuildEnvironment.command(
            context.order, context.folder, baseImagePath: baseImagePath)
        environment.merge(context.secrets?.environment ?? [:]) { own, _ in own }
        let command = Command(
            arguments, environment: environment, workFolder: context.folder.work)
        var sink = RawSink(
            mergesStreams: context.order.start.recipe.streams != .separate)
        let status: ExitStatus
        var qemuExit: QEMUExit?
        do {
            let inputs = (baseImagePath.map { [$0] } ?? []) + (context.secrets?.files ?? [])
            let runner = ProgramRunner(context: context, confinement: .online(reading: inputs))
            status = try runner.run(command, &sink) { _, hasEnded in
                guard hasEnded else { return nil }
                let guests = GuestFolder(path: context.folder.guests)
                guests.waitForExitRecords()
                qemuExit = guests.unwantedExit()
                return nil
            }
        } catch let error as NotRunnable {
            throw notRunnable(program, error)
        }
        let end = FaultClassifier.End(
            program: .command, exitCode: status.exitCode, signal: status.signal,
            tail: sink.tail.text, qemuExit: qemuExit,
            lowestFreeBytes: context.lowestFreeBytes,
            exceededMemoryBytes: context.exceededMemoryBytes,
            outOfMemoryKills: context.outOfMemoryKills)
        if let fault = FaultClassifier.fault(end) { throw ProgramFault(fault, status.exitCode) }
        let output = context.folder.output
        // Scripts of Jenkins jobs make a folder for each guest OS.
        let files =
            try context.order.start.recipe.jenkins != nil
            ? ArtifactSearch.files(in: output, context)
            : Files.list(output).map { "\(output)/\($0)" }
        let left = try ArtifactSearch.find(files, context)
        guard !left.isEmpty || context.order.start.recipe.mayLeaveNothing == true else {
            throw ProgramFault(nothingLeft(), 0)
        }
        return left
    }

    private func nothingLeft() -> Fault {
        let recipe = context.order.start.recipe
        let output = ProgramFolders(context.order, context.folder).output
        let expected =
            recipe.jenkins == nil
            ? "a disk image in the folder AIBUILD_OUTPUT (\(output))"
            : "a disk image in \(JenkinsPlaces.webFolder) or AIBUILD_OUTPUT (\(output))"
        return Fault(
            .template, .noImage,
            "the command succeeded but left no file: expected \(expected). Let it write the image "
                + "there, name what it leaves elsewhere under `artifacts` in aibuild.yml, or write "
                + "`image: none` if it is to leave nothing")
    }

    /// Jenkins ran scripts by their interpreter, so they need not be executable.
    private func prepareJenkins() throws {
        let script = JenkinsPlaces.script(packer: context.order.packer)
        try Files.replace(
            context.folder.jenkinsPacker, with: Array(script.utf8), mode: 0o755)
        try Files.replace(
            context.folder.home + "/packerconfig", with: Array("{}\n".utf8), mode: 0o600)
        guard let program = arguments.first, program.containsSlash, !program.isAbsolutePath,
            let path = Links.resolved("\(context.folder.work)/\(program)"),
            let work = Links.resolved(context.folder.work), path.hasPrefix(work + "/")
        else { return }
        chmod(path, (Files.mode(path) ?? 0) | 0o111)
    }

    /// Why the program, or the interpreter that its first line names, cannot be started.
    private func notRunnable(_ program: String, _ error: NotRunnable) -> Fault {
        let quoted = Names.quoted(program)
        let path = program.isAbsolutePath ? program : "\(context.folder.work)/\(program)"
        guard program.containsSlash else {
            let isHere = Files.exists(path)
            return Fault(
                .template, .templateMissing,
                "the build command \(quoted) is not installed on this host"
                    + (isHere ? "; for the file of the template write ./\(program)" : ""))
        }
        let start = (try? Files.read(path, limitBytes: AgentLimits.packerTemplateBytes)) ?? []
        let line = String(decoding: start.prefix { $0 != 0x0A }.prefix(200), as: UTF8.self)
        guard line.hasPrefix("#!") else {
            return Fault(
                .template, error.isMissing ? .templateMissing : .templateInvalid,
                "the build command \(quoted) cannot be run: \(error)"
                    + (start.isEmpty
                        ? "" : ". If it is a script, begin it with a line such as #!/bin/sh"))
        }
        return Fault(
            .template, .templateInvalid,
            "the build command \(quoted) begins with \(Names.quoted(line)), which names no program "
                + "of this host"
                + (line.utf8.last == 0x0D
                    ? ": its lines end as those of Windows do (CRLF); save it with LF, and add "
                        + "`*.sh text eol=lf` to .gitattributes" : ""))
    }

    /// Checks that a program of the template exists and is executable, for a better message than
    /// the system's.
    private func checkedProgram() throws -> String {
        guard let program = arguments.first, !program.isEmpty else {
            throw Fault(.template, .templateInvalid, "the build command of aibuild.yml is empty")
        }
        guard program.containsSlash, !program.isAbsolutePath else { return program }
        let path = "\(context.folder.work)/\(program)"
        guard Files.exists(path) else {
            throw Fault(
                .template, .templateMissing,
                "the build command \(Names.quoted(program)) is not in the template repository")
        }
        guard access(path, X_OK) == 0 else {
            throw Fault(
                .template, .templateInvalid,
                "the build command \(Names.quoted(program)) is not executable. Run: "
                    + "chmod +x \(program) (in Git: git update-index --chmod=+x \(program))")
        }
        return program
    }
}
