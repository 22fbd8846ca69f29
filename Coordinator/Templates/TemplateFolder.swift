import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// A template in a folder of this machine.
package struct TemplateFolder {
    package let path: String

    package init(path: String) { self.path = path }

    /// - Throws: `TemplateFault` if it is no template.
    func check() throws(TemplateFault) {
        guard path.isAbsolutePath, !path.utf8.contains(0) else {
            throw TemplateFault("the template folder \(Names.quoted(path)) is not an absolute path")
        }
        if let closed = Files.closedFolder(above: path + "/" + TemplateFile.name) {
            throw TemplateFault(
                "the coordinator's user may not enter \(Names.quoted(closed)), so it cannot read "
                    + "the template folder \(Names.quoted(path)). Keep templates where it can, "
                    + "such as below /srv: its unit hides /home and /root from it")
        }
        switch Files.kind(path) {
        case nil: throw TemplateFault("the template folder \(Names.quoted(path)) does not exist")
        case .folder, .link: break
        default: throw TemplateFault("the template folder \(Names.quoted(path)) is a file")
        }
        guard Files.exists(path + "/" + TemplateFile.name) else {
            throw TemplateFault(
                "\(Names.quoted(path)) has no \(TemplateFile.name): it is not a template")
        }
    }

    /// A stamp that changes with every file of the folder: names, sizes, inodes, modification
    /// times.
    package func stamp() throws -> String {
        try check()
        var room = ProtocolLimits.templateBytes
        var stamp = SHA256()
        try measure(path, &room, &stamp, depth: 0)
        return stamp.finish()
    }

    /// Large inputs are base images, fetched by URL; the rest is small, and bounded.
    private func measure(
        _ path: String, _ room: inout Int64, _ stamp: inout SHA256, depth: Int
    ) throws {
        guard depth < 32 else { throw TemplateFault("\(path) is nested too deeply") }
        for name in try Files.list(path) where name != ".git" {
            let inner = path + "/" + name
            // A name that is not UTF-8 does not lead back to its file: such a folder is always
            // archived again.
            var line = "\(inner) \(Files.stamp(inner) ?? "\(UInt64.random(in: .min ... .max))")\n"
            line.withUTF8 { stamp.update(UnsafeRawBufferPointer($0)) }
            switch Files.kind(inner) {
            case .folder: try measure(inner, &room, &stamp, depth: depth + 1)
            case .file: room -= (Files.sizeBytes(inner) ?? 0) + 1024
            default: room -= 1024
            }
            guard room >= 0 else {
                throw TemplateFault(
                    "the template is larger than \(ProtocolLimits.templateBytes >> 20) MiB: put "
                        + "ISOs and images behind base_image.url, which hosts fetch and cache")
            }
        }
    }
}
