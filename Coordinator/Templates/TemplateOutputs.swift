import BuildProtocol
package import CoordinatorCore
import Support
import TextKit

/// The templates directly in a folder of a template, which are rendered with the results of its
/// builds.
package enum TemplateOutputs {
    /// Unless `outputs:` names another.
    package static let folder = "output"
    private static let suffix = ".j2"
    /// Enough for a stack file or two for each cloud; they are held in memory together.
    private static let count = 64
    private static let bytes = 256 << 10

    /// `output` for `./output/`.
    static func plain(_ folder: String) -> String {
        var path = Substring(folder)
        while path.hasPrefix("./") { path = path.dropFirst(2) }
        while path.utf8.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }

    /// Whether one of the names is a template directly in the folder.
    static func isThere(in folder: String, _ names: [String]) -> Bool {
        let prefix = folder + "/"
        return names.contains { name in
            name.hasPrefix(prefix) && isTemplate(name)
                && !name.dropFirst(prefix.count).containsSlash
        }
    }

    /// Whether a file of this name is a template.
    static func isTemplate(_ name: some StringProtocol) -> Bool { name.hasSuffix(suffix) }

    /// By the names of the rendered files, without `.j2`. Blocks.
    /// - Parameter folder: as `outputs:` names it.
    /// - Returns: also how many bytes they have together.
    /// - Throws: `TemplateFault` with file, line and column.
    package static func read(
        _ archive: TemplateFiles, in folder: String?
    ) throws -> (files: [(name: String, template: OutputTemplate)], bytes: Int) {
        let prefix = (folder ?? Self.folder) + "/"
        let names = try archive.names { name in
            name.hasPrefix(prefix) && isTemplate(name)
                && Names.isFileName(String(name.dropFirst(prefix.count)))
        }.sorted()
        guard names.count <= count else {
            throw TemplateFault(
                "\(prefix) has \(names.count) templates; at most \(count) are allowed")
        }
        var files: [(name: String, template: OutputTemplate)] = []
        var total = 0
        for name in names {
            guard let content = try archive.content(of: name, limitBytes: bytes) else {
                throw TemplateFault(
                    "\(name) is a link: make it a file, because the coordinator reads it")
            }
            guard content.count <= bytes, let text = String(validating: content, as: UTF8.self)
            else {
                throw TemplateFault(
                    "\(name) cannot be used: it must be UTF-8 and have at most \(bytes) bytes")
            }
            let short = name.dropFirst(prefix.count).dropLast(suffix.count)
            files.append((String(short), try OutputTemplate(text, file: name)))
            total += content.count
        }
        return (files, total)
    }
}
