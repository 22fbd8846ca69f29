import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Checks the content of a template archive by the rules by which an agent refuses it once it is
/// unpacked, so that whoever registers the template learns of them, not each of its builds.
enum ArchiveCheck {
    /// Blocks.
    /// - Parameter folder: of the template in the archive; empty or with a slash at its end.
    /// - Throws: `TemplateFault` that names the file; `SystemError` if the archive cannot be read.
    static func run(_ path: String, folder: String) throws {
        var reader = try TarReader(path)
        var count = 0
        while let entry = try reader.next() {
            count += 1
            guard count <= ProtocolLimits.templateEntries else {
                throw TemplateFault(
                    "the template has more than \(ProtocolLimits.templateEntries) files")
            }
            try check(entry, folder)
        }
    }

    private static func check(
        _ entry: TarReader.Entry, _ folder: String
    ) throws(TemplateFault) {
        let segments = entry.name.pathSegments.filter { !$0.isEmpty && $0 != "." }
        let path = segments.joined(separator: "/")
        let name = Names.quoted(path)
        guard !entry.name.isAbsolutePath, !segments.contains("..") else {
            throw TemplateFault("the template contains \(name), which leads out of it")
        }
        guard segments.count - (entry.kind == .folder ? 0 : 1) <= ProtocolLimits.templateDepth
        else {
            throw TemplateFault(
                "the template has folders more than \(ProtocolLimits.templateDepth) deep: \(name)")
        }
        switch entry.kind {
        case .file, .folder: return
        case .hardLink:
            throw TemplateFault(
                "the template contains \(name), a hard link to \(Names.quoted(entry.target)): "
                    + "make it a file of its own, or a symbolic link")
        case .other:
            throw TemplateFault(
                "the template contains \(name), which is not a file, folder or link")
        case .link:
            guard TemplateTree.isInside(link: path, target: entry.target) else {
                throw TemplateFault(
                    "the template contains the link \(name) to \(Names.quoted(entry.target)), "
                        + "which leads out of it")
            }
            guard !isReadHere(path, folder) else {
                throw TemplateFault(
                    "the template contains the link \(name): make it a file, because the "
                        + "coordinator reads it")
            }
        }
    }

    /// Whether the coordinator reads this path of the archive, where a link has no content.
    private static func isReadHere(_ path: String, _ folder: String) -> Bool {
        if folder.hasPrefix(path + "/") { return true }
        guard path.hasPrefix(folder) else { return false }
        let segments = String(path.dropFirst(folder.count)).pathSegments
        return segments == [Substring(TemplateFile.name)]
            || segments.first == "output"
                && (segments.count == 1
                    || segments.count == 2 && TemplateArchives.isOutput(segments[1]))
    }
}
