public import BuildProtocol
public import CoordinatorCore
import ProcessKit
import TextKit

extension TemplateArchives {
    private static let outputFolder = "output/"
    private static let outputSuffix = ".j2"
    /// Enough for a stack file or two for each cloud; they are held in memory together.
    private static let outputFiles = 64
    private static let outputBytes = 256 << 10

    /// Whether a file of this name under `output/` is a template.
    static func isOutput(_ name: some StringProtocol) -> Bool { name.hasSuffix(outputSuffix) }

    /// The templates directly under `output/`, by the names of the rendered files, without `.j2`.
    public func outputs(
        of archive: TemplateArchive
    ) async throws -> [(name: String, template: OutputTemplate)] {
        let path = try path(of: archive)
        if let known = knownOutputs[archive] { return known }
        let folder = (archive.folder.map { $0 + "/" } ?? "") + Self.outputFolder
        // Only these names: a template may have a hundred thousand others.
        let list = try await run(
            [
                "tar", "--list", "--file", path, "--wildcards", "--no-wildcards-match-slash", "--",
                "\(folder)*\(Self.outputSuffix)",
            ], tarTimeoutSeconds)
        let names = list.stdoutText.lines.map(String.init).filter { name in
            name.hasPrefix(folder) && name.hasSuffix(Self.outputSuffix)
                && Names.isFileName(String(name.dropFirst(folder.count)))
        }.sorted()
        guard names.count <= Self.outputFiles else {
            throw TemplateFault(
                "\(Self.outputFolder) has \(names.count) templates; at most \(Self.outputFiles) "
                    + "are allowed")
        }
        var files: [(name: String, template: OutputTemplate)] = []
        var bytes = 0
        for name in names {
            let content = try await run(
                ["tar", "--extract", "--to-stdout", "--file", path, "--", name],
                tarTimeoutSeconds)
            guard content.status.isSuccess, content.stdout.count <= Self.outputBytes,
                let text = String(validating: content.stdout, as: UTF8.self)
            else {
                throw TemplateFault(
                    "\(name) cannot be used: it must be UTF-8 and have at most "
                        + "\(Self.outputBytes) bytes")
            }
            let short = name.dropFirst(folder.count).dropLast(Self.outputSuffix.count)
            files.append((String(short), try OutputTemplate(text, file: name)))
            bytes += content.stdout.count
        }
        keepOutputs(files, bytes, of: archive)
        return files
    }
}
