import BuildProtocol
package import CoordinatorCore
import Glibc
import ProcessKit
import Support
import TextKit

/// A template in a folder of this machine, read as a coordinator would read it, before it is
/// registered or pushed.
package struct LocalTemplate: Sendable {
    package var images: TemplateSet<Result<ReadTemplate, TemplateFault>>
    /// By the folders that images name for them.
    private let outputs: [String?: Result<[OutputTemplate], TemplateFault>]

    /// - Parameters:
    ///   - path: of the folder, absolute.
    ///   - temporary: a folder for files that the caller removes.
    /// - Throws: `TemplateFault`; `SystemError` if files cannot be read or written.
    package init(folder path: String, temporary: String) async throws {
        // Its errors say what a folder must have.
        try TemplateFolder(path: path).check()
        let repository = try await WorkTree(above: path)
        let archive = temporary + "/template.tar"
        var folder: String?
        if let repository {
            folder = repository.inner.isEmpty ? nil : repository.inner
            var list: [UInt8] = []
            for file in try await repository.files() { list += Array(file.utf8) + [0] }
            let names = temporary + "/files"
            try Files.replace(names, with: list, mode: 0o600)
            try await TemplateTar.archive(
                folder: repository.root, filesFrom: names, to: archive)
        } else {
            try await TemplateTar.archive(folder: path, to: archive)
        }
        guard Files.sizeBytes(archive) ?? 0 <= ProtocolLimits.templateBytes else {
            throw TemplateFault(
                "the template is larger than \(ProtocolLimits.templateBytes >> 20) MiB: put ISOs "
                    + "and images behind base_image.url, and files that builds leave into "
                    + ".gitignore")
        }
        let files = TemplateFiles(path: archive, folder: folder)
        images = try await ReadTemplate.all(
            archive: archive, folder: folder, isFromGit: repository != nil, "the folder")
        let folders = Set(images.all.compactMap { (try? $0.image.get())?.file.outputs })
        outputs = try await OwnThread.run {
            var outputs: [String?: Result<[OutputTemplate], TemplateFault>] = [:]
            for folder in [nil] + folders.map(Optional.some) {
                do {
                    outputs[folder] = .success(
                        try TemplateOutputs.read(files, in: folder).files.map(\.template))
                } catch let fault as TemplateFault { outputs[folder] = .failure(fault) }
            }
            return outputs
        }
    }

    /// The plan of a build of one of the images, without what only a coordinator knows.
    /// - Parameter variables: as a guest OS sets them.
    /// - Throws: `TemplateFault`
    package func plan(
        _ image: ReadTemplate, variables: [String: String]
    ) throws(TemplateFault) -> BuildPlan {
        let file = image.file
        var plan = BuildPlan(
            template: TemplateArchive(sha256: "", sizeBytes: 0), recipe: file.recipe,
            requirements: file.requirements, limits: file.limits, concurrency: file.concurrency,
            tests: file.tests, release: file.release)
        try image.complete(&plan, variables: variables, startedBy: nil)
        for output in try outputs[file.outputs]?.get() ?? [] {
            _ = try output.render(OutputValues.samples(plan))
        }
        return plan
    }
}

/// The work tree of Git that a template lies in: what Git ignores is not part of it.
private struct WorkTree {
    let root: String
    /// The template's folder in it; empty for all of it.
    let inner: String
    private static let listBytes = 16 << 20

    init?(above path: String) async throws {
        let path = Links.resolved(path) ?? path
        let result = try await Self.git(["-C", path, "rev-parse", "--show-toplevel"])
        let root = result?.stdoutText.lines.first.map(String.init)
        guard let root, path == root || path.hasPrefix(root + "/") else { return nil }
        self.root = root
        inner = String(path.dropFirst(root.count).drop { $0 == "/" })
    }

    /// Those that `git add --all` would commit, of the template's folder and of what it includes.
    func files() async throws -> [String] {
        let folder = inner.isEmpty ? root : root + "/" + inner
        let text = try Files.read(
            folder + "/" + TemplateFile.name, limitBytes: ReadTemplate.fileBytes)
        var paths = [inner.isEmpty ? "." : inner]
        // What is wrong with the file is told when the archive is read.
        let file = try? TemplateSet<TemplateFile>(text, file: TemplateFile.name)
        for include in file?.include ?? [] {
            guard let path = IncludedPath.resolved(include, in: inner) else {
                throw IncludedPath.outside(include, in: TemplateFile.name)
            }
            guard Files.exists(root + "/" + path) else {
                throw TemplateFault(
                    "\(TemplateFile.name): include has \(Names.quoted(include)), but the "
                        + "repository has no \(Names.quoted(path))")
            }
            paths.append(path)
        }
        let list = try await Self.git(
            ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
                + paths)
        guard let list else { return paths }
        var files = Self.names(list)
        if file?.hasSubmodules ?? false {
            let own = try await Self.git(
                ["-C", root, "ls-files", "-z", "--cached", "--recurse-submodules", "--"] + paths)
            if let own { files.formUnion(Self.names(own)) }
            // Of a submodule that was cloned, the folder itself is listed as well.
            files.subtract(files.flatMap { Self.folders(of: $0) })
        }
        return files.filter { Files.exists(root + "/" + $0) }.sorted()
    }

    private static func names(_ list: ProcessKit.Command.Output) -> Set<String> {
        Set(list.stdout.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    }

    private static func folders(of file: String) -> [String] {
        var segments = file.pathSegments
        var folders: [String] = []
        while segments.popLast() != nil { folders.append(segments.joined(separator: "/")) }
        return folders
    }

    /// `nil` if Git is not installed, or the folder is in no repository.
    private static func git(_ arguments: [String]) async throws -> Command.Output? {
        var environment = Command.minimalEnvironment
        // Git refuses repositories of other users unless the user's own settings allow them.
        environment["HOME"] = getenv("HOME").map { String(cString: $0) }
        let command = Command(["git"] + arguments, environment: environment)
        let result: Command.Output
        do {
            result = try await command.run(timeoutSeconds: 60, outputLimitBytes: listBytes)
        } catch is SystemError { return nil }
        return result.status.isSuccess ? result : nil
    }
}
