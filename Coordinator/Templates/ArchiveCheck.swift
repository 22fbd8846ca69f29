import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Checks the content of a template archive by the rules by which an agent refuses it once it is
/// unpacked, so that whoever registers the template learns of them, not each of its builds.
enum ArchiveCheck {
    /// Blocks.
    /// - Parameters:
    ///   - folder: of the template in the archive; empty or with a slash at its end.
    ///   - isFromGit: whether `git archive` made it.
    /// - Throws: `TemplateFault` that names the file; `SystemError` if the archive cannot be read.
    static func run(_ path: String, folder: String, isFromGit: Bool) throws {
        var reader = try TarReader(path)
        var count = 0
        // Git does not keep empty folders: only a submodule looks like one. Its files, if they
        // were asked for, come last.
        var emptyFolders: Set<String> = []
        var names: Set<String> = []
        var links: [(path: String, target: String)] = []
        while let entry = try reader.next() {
            count += 1
            guard count <= ProtocolLimits.templateEntries else {
                throw TemplateFault(
                    "the template has more than \(ProtocolLimits.templateEntries) files")
            }
            if isFromGit {
                emptyFolders.remove(parent(of: entry.name))
                if entry.kind == .folder { emptyFolders.insert(entry.name) }
            }
            try check(entry, folder)
            // Of a part of a repository, what links lead to may have been left behind.
            if isFromGit, !folder.isEmpty {
                names.insert(plain(entry.name))
                if entry.kind == .link { links.append((plain(entry.name), entry.target)) }
            }
            if try isLFSPointer(entry, reader) { throw pointer(entry, isFromGit: isFromGit) }
        }
        if let folder = emptyFolders.min() { throw submodule(folder) }
        for link in links { try check(link, names, folder) }
    }

    private static func check(
        _ link: (path: String, target: String), _ names: Set<String>, _ folder: String
    ) throws(TemplateFault) {
        var segments = link.path.pathSegments.dropLast()
        for segment in link.target.pathSegments where !segment.isEmpty && segment != "." {
            if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
        }
        let target = segments.joined(separator: "/")
        // One within the folder may lead to what the build makes.
        guard !(target + "/").hasPrefix(folder), !target.isEmpty, !names.contains(target) else {
            return
        }
        throw TemplateFault(
            "the template contains the link \(Names.quoted(link.path)) to "
                + "\(Names.quoted(target)) of the repository, which is not part of the template: "
                + "name it under include in \(TemplateFile.name)")
    }

    private static func submodule(_ path: String) -> TemplateFault {
        TemplateFault(
            "the template contains the submodule \(Names.quoted(plain(path))), whose files are "
                + "missing: that takes submodules: true in \(TemplateFile.name) and, in a clone, "
                + "git submodule update --init --recursive")
    }

    private static func pointer(_ entry: TarReader.Entry, isFromGit: Bool) -> TemplateFault {
        TemplateFault(
            "the template contains \(Names.quoted(plain(entry.name))) as a Git LFS pointer, not "
                + "the file itself: "
                + (isFromGit
                    ? "that takes lfs: true in \(TemplateFile.name) and, in a clone, git lfs pull"
                    : "fetch it in the folder (git lfs pull)"))
    }

    private static let lfsVersions = [
        "version https://git-lfs.github.com/spec/", "version https://hawser.github.com/spec/",
    ]
    /// A pointer has less than this, says its specification.
    private static let lfsPointerBytes = 1024

    private static func isLFSPointer(
        _ entry: TarReader.Entry, _ reader: borrowing TarReader
    ) throws(SystemError) -> Bool {
        guard entry.kind == .file, (64..<Int64(lfsPointerBytes)).contains(entry.sizeBytes) else {
            return false
        }
        let start = try reader.content(of: entry, limitBytes: 64)
        return lfsVersions.contains { start.starts(with: $0.utf8) }
    }

    /// Folders have a slash at their end.
    private static func parent(of name: String) -> String {
        let inner = name.utf8.last == UInt8(ascii: "/") ? name.utf8.dropLast() : name.utf8[...]
        guard let slash = inner.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(name[...slash])
    }

    private static func plain(_ name: String) -> String {
        name.pathSegments.filter { !$0.isEmpty && $0 != "." }.joined(separator: "/")
    }

    private static func check(
        _ entry: TarReader.Entry, _ folder: String
    ) throws(TemplateFault) {
        let segments = entry.name.pathSegments.filter { !$0.isEmpty && $0 != "." }
        let path = plain(entry.name)
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
            || segments.first.map(String.init) == TemplateOutputs.folder
                && (segments.count == 1
                    || segments.count == 2 && TemplateOutputs.isTemplate(segments[1]))
    }
}
