public import BuildProtocol
public import CoordinatorCore
import Support

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
        let archiveFiles = TemplateFiles(path: path, folder: archive.folder)
        let names = try await OwnThread.run {
            try archiveFiles.names { name in
                name.hasPrefix(Self.outputFolder) && Self.isOutput(name)
                    && Names.isFileName(String(name.dropFirst(Self.outputFolder.count)))
            }
        }.sorted()
        guard names.count <= Self.outputFiles else {
            throw TemplateFault(
                "\(Self.outputFolder) has \(names.count) templates; at most \(Self.outputFiles) "
                    + "are allowed")
        }
        var files: [(name: String, template: OutputTemplate)] = []
        var bytes = 0
        for name in names {
            let content = try await OwnThread.run {
                try archiveFiles.content(of: name, limitBytes: Self.outputBytes) ?? []
            }
            guard content.count <= Self.outputBytes,
                let text = String(validating: content, as: UTF8.self)
            else {
                throw TemplateFault(
                    "\(name) cannot be used: it must be UTF-8 and have at most "
                        + "\(Self.outputBytes) bytes")
            }
            let short = name.dropFirst(Self.outputFolder.count).dropLast(Self.outputSuffix.count)
            files.append((String(short), try OutputTemplate(text, file: name)))
            bytes += content.count
        }
        keepOutputs(files, bytes, of: archive)
        return files
    }
}
