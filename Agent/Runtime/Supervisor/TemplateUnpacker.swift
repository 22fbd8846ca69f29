import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Unpacks the template archive into the work folder and checks that nothing leads out of it.
struct TemplateUnpacker {
    let context: AttemptContext

    func unpack() throws {
        let archive = StateFolder(context.order.stateFolder)
            .template(context.order.start.template.sha256)
        let sha256 = context.order.start.template.sha256
        let digest = try FileDigest.compute(archive) { try context.checkpoint() }
        guard digest == sha256 else {
            // The coordinator delivers it again for the next attempt.
            unlink(archive)
            throw Fault(
                .infrastructure, .hostError,
                "the template archive \(sha256) was changed on this host, and is delivered again")
        }
        let (status, output) = try HostTool.run(
            [
                "tar", "--extract", "--file", archive, "--directory", context.folder.unpacked,
                "--no-same-owner", "--no-same-permissions", "--no-xattrs", "--no-acls",
                "--no-selinux", "--warning=no-timestamp", "--warning=no-unknown-keyword",
            ], reading: [archive], in: context.folder.unpacked, context)
        guard status.isSuccess else {
            if output.contains("No space left on device") {
                throw SystemError(errno: ENOSPC, "cannot unpack the template")
            }
            throw Fault(
                .template, .templateInvalid,
                "the template archive cannot be unpacked (tar: \(status)):\n"
                    + output)
        }
        var entries = 0
        try check(context.folder.unpacked, relative: "", depth: 0, &entries)
        guard Files.kind(context.folder.work) == .folder else {
            throw Fault(
                .template, .templateMissing,
                "the template archive has no folder "
                    + Names.quoted(context.order.start.template.folder ?? ""))
        }
    }

    /// Refuses links that lead out of the tree, and anything that is not a file, folder or link.
    private func check(
        _ folder: String, relative: String, depth: Int, _ entries: inout Int
    ) throws {
        guard depth <= ProtocolLimits.templateDepth else {
            throw invalid("has folders more than \(ProtocolLimits.templateDepth) deep")
        }
        for name in try Files.list(folder) {
            entries += 1
            guard entries <= ProtocolLimits.templateEntries else {
                throw invalid("has more than \(ProtocolLimits.templateEntries) files")
            }
            let path = "\(folder)/\(name)"
            let inner = relative.isEmpty ? name : "\(relative)/\(name)"
            switch Files.kind(path) {
            case .folder: try check(path, relative: inner, depth: depth + 1, &entries)
            case .link:
                let target = Links.target(path)
                guard TemplateTree.isInside(link: inner, target: target) else {
                    throw invalid(
                        "contains the link \(Names.quoted(inner)) to \(Names.quoted(target)), "
                            + "which leads out of it")
                }
            case .file, nil: break
            case .other:
                throw invalid(
                    "contains \(Names.quoted(inner)), which is not a file, folder or link")
            }
        }
    }

    private func invalid(_ what: String) -> Fault {
        Fault(.template, .templateInvalid, "the template archive \(what)")
    }
}
