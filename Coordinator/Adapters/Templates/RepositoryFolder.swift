import BuildProtocol
import CoordinatorCore
import ProcessKit
import Templates
import TextKit
import YAMLKit

/// A template in a folder of a Git repository, at one commit.
struct RepositoryFolder: Sendable {
    let git: Git
    let mirror: String
    let commit: String
    /// `nil`: the whole repository.
    let path: String?
    /// For messages.
    let url: String

    /// What belongs in the archive.
    struct Content {
        /// Arguments for Git: nothing for everything.
        var paths: [String] = []
        var hasSubmodules = false
        var hasLFS = false
    }

    /// - Throws: `TemplateFault` if the folder is no template.
    func content() async throws -> Content {
        guard let path else { return try await wholeRepository() }
        let name = "\(path)/\(TemplateFile.name)"
        let files = try await files()
        guard files.contains(name) else { throw missing(name, files) }
        let file: TemplateSet<TemplateFile>
        let text = try await text(name).stdout
        do throws(YAMLError) { file = try TemplateSet(text, file: name) } catch {
            throw TemplateFault(cause: error)
        }
        var paths = [path]
        for include in file.include {
            guard let resolved = IncludedPath.resolved(include, in: path) else {
                throw IncludedPath.outside(include, in: name)
            }
            guard files.contains(where: { $0 == resolved || $0.hasPrefix(resolved + "/") }) else {
                throw TemplateFault(
                    "\(name): include has \(Names.quoted(include)), but \(url) has no "
                        + Names.quoted(resolved) + " at \(commit.prefix(12))")
            }
            paths.append(resolved)
        }
        return Content(
            paths: ["--"] + paths, hasSubmodules: file.hasSubmodules, hasLFS: file.hasLFS)
    }

    /// What is wrong with the file, or that there is none, is told when the archive is read.
    private func wholeRepository() async throws -> Content {
        guard let text = try? await text(TemplateFile.name),
            let file = try? TemplateSet<TemplateFile>(text.stdout, file: TemplateFile.name)
        else { return Content() }
        return Content(hasSubmodules: file.hasSubmodules, hasLFS: file.hasLFS)
    }

    private func text(_ name: String) async throws -> Command.Output {
        try await git.run(
            ["-C", mirror, "cat-file", "blob", "\(commit):\(name)"],
            to: "read \(name) of \(url)", else: .unavailable)
    }

    /// The paths of all files.
    private func files() async throws -> Set<String> {
        let list = try await git.run(
            ["-C", mirror, "ls-tree", "-r", "-z", "--name-only", commit],
            to: "list the files of \(url)", else: .unavailable)
        return Set(
            list.stdout.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    }

    private func missing(_ name: String, _ files: Set<String>) -> TemplateFault {
        let suffix = "/" + TemplateFile.name
        let folders = files.filter { $0.hasSuffix(suffix) }
            .map { String($0.dropLast(suffix.count)) }.sorted()
        let there = folders.prefix(10).joined(separator: ", ")
        return TemplateFault(
            "\(url) has no \(Names.quoted(name)) at \(commit.prefix(12))"
                + (folders.isEmpty
                    ? ""
                    : "; the templates are in \(there)" + (folders.count > 10 ? " …" : "")))
    }
}
