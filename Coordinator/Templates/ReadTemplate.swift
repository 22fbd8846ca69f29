import BuildProtocol
package import CoordinatorCore
import PackerKit
import Support
import TextKit
import YAMLKit

/// What is read of a template archive for one image: what `aibuild.yml` says, and what Packer would
/// read.
package struct ReadTemplate: Sendable {
    package var file: TemplateFile
    /// `nil` if Packer does not build it, or only Packer can read it.
    package var packer: PackerCheck?

    /// - Parameters:
    ///   - path: of the archive.
    ///   - folder: of the template in it; `nil`: its root.
    ///   - isFromGit: whether `git archive` made it.
    ///   - what: the template, for messages.
    /// - Returns: for each image, or why it cannot be built: that concerns no other one.
    /// - Throws: `TemplateFault` that concerns all; `SystemError` if the archive cannot be read.
    package static func all(
        archive path: String, folder: String?, isFromGit: Bool, _ what: String
    ) async throws -> TemplateSet<Result<ReadTemplate, TemplateFault>> {
        try await OwnThread.run {
            try ArchiveCheck.run(
                path, folder: folder.map { $0 + "/" } ?? "", isFromGit: isFromGit)
            return try read(TemplateFiles(path: path, folder: folder), what)
        }
    }

    private static func read(
        _ archive: TemplateFiles, _ what: String
    ) throws -> TemplateSet<Result<ReadTemplate, TemplateFault>> {
        let content = try archive.read(limitBytes: fileBytes) { $0 == TemplateFile.name }
        guard let text = content.first?.bytes else {
            let others = try archive.names { $0.hasSuffix("/" + TemplateFile.name) }.sorted()
                .map { $0.dropLast(TemplateFile.name.count + 1) }
            throw TemplateFault(
                "\(what) has no \(TemplateFile.name)"
                    + (others.isEmpty
                        ? ""
                        : " at its root; name the folder of a template with --path: "
                            + others.prefix(10).joined(separator: ", ")
                            + (others.count > 10 ? " …" : "")))
        }
        let images: TemplateSet<TemplateFile>
        do throws(YAMLError) {
            images = try TemplateSet(text, file: TemplateFile.name)
        } catch { throw TemplateFault(cause: error) }
        let names = try archive.names()
        return try images.map { file in
            do {
                try check(file, names, what, text)
                return .success(
                    ReadTemplate(file: file, packer: try packer(file, archive, names)))
            } catch let fault as TemplateFault { return .failure(fault) }
        }
    }

    /// As the parser of YAML allows.
    package static let fileBytes = 1 << 20

    /// A missing template or program is reported now, not on a host.
    private static func check(
        _ file: TemplateFile, _ names: [String], _ what: String, _ text: [UInt8]
    ) throws(TemplateFault) {
        /// The file, with the place of the first of these words.
        func place(of words: Set<String>) -> String {
            let place = (try? YAMLDocument.parse(text, file: TemplateFile.name))?
                .place(ofAny: words)
            return TemplateFile.name + (place.map { ":\($0.line):\($0.column):" } ?? "")
        }
        if let folder = file.outputs, !TemplateOutputs.isThere(in: folder, names) {
            let isEmpty = !names.contains { $0.hasPrefix(folder + "/") }
            let words = ["", "./"].flatMap { [$0 + folder, $0 + folder + "/"] }
            throw TemplateFault(
                "\(place(of: Set(words))) names the folder \(Names.quoted(folder)) for outputs, "
                    + "and "
                    + (isEmpty
                        ? "there is nothing in it"
                        : "no file directly in it ends in .j2, so nothing would be rendered"))
        }
        let exact = Set(names.map { Array($0.utf8) })
        let wanted = file.files
        guard let needed = wanted.first(where: { !exact.contains(Array($0.utf8)) }) else { return }
        let told = place(of: [needed, "./" + needed])
        // Equal in the eyes of Swift: names that differ in their normalization.
        if names.contains(needed) {
            throw TemplateFault(
                "\(told) names \(Names.quoted(needed)); the file in \(what) looks the "
                    + "same but is spelled with other Unicode characters (macOS decomposes "
                    + "accents): copy its name from the output of ls")
        }
        let similar = names.filter { $0.hasSuffix(".json") || $0.hasSuffix(".pkr.hcl") }
            .sorted().prefix(5)
        throw TemplateFault(
            "\(told) names \(Names.quoted(needed)), which is not in \(what)"
                + (similar.isEmpty
                    ? "" : "; there is \(similar.map(\.visible).joined(separator: ", "))"))
    }

    /// Completes a plan with the variables of the guest OS and of the trigger, and with what the
    /// Packer template needs. The variables of other triggers are checked as well: a tag should
    /// not be what shows a mistake in those of tags.
    /// - Throws: `TemplateFault`
    package func complete(
        _ plan: inout BuildPlan, variables: [String: String], startedBy kind: BuildOrigin.Kind?
    ) throws(TemplateFault) {
        plan.retries = file.retries
        plan.override(VariableSet(texts: variables), from: .guestOS)
        for (other, own) in file.triggers.variables.sorted(by: { $0.key.rawValue < $1.key.rawValue }
        )
        where other != kind {
            var trial = plan
            trial.override(own, from: .trigger)
            try packer?.apply(to: &trial)
        }
        if let own = kind.flatMap({ file.triggers.variables[$0] }) {
            plan.override(own, from: .trigger)
        }
        try packer?.apply(to: &plan)
    }

    // MARK: Packer

    private static func packer(
        _ file: TemplateFile, _ archive: TemplateFiles, _ names: [String]
    ) throws -> PackerCheck? {
        guard case .packer(let path) = file.recipe.builder else { return nil }
        let varFiles = Set(file.recipe.packer?.varFiles ?? [])
        let folder = path == "." ? "" : path + "/"
        let neighbours = path.pathSegments.dropLast().map { $0 + "/" }.joined()
        let files = try archive.read(limitBytes: PackerLimits.fileBytes) { name in
            name == path || varFiles.contains(name)
                || isPackerFile(name, folder) || isPackerFile(name, neighbours)
        }.map { PackerTemplate.File(path: $0.path, bytes: $0.bytes) }
        guard files.count <= PackerLimits.files + varFiles.count else { return nil }
        let own = files.filter { $0.path == path }
        let read = own.isEmpty ? files.filter { isPackerFile($0.path, folder) } : own
        guard own.count == 1 || read.contains(where: { PackerTemplate.isHCL($0.path) }) else {
            // A link, or a file that is too large, is read on the host.
            guard path == "." || names.contains(where: { $0.hasPrefix(folder) }) else {
                return nil
            }
            throw TemplateFault(
                "the folder \(Names.quoted(path)) has no *.pkr.hcl: name a file, or another "
                    + "folder")
        }
        let template: PackerTemplate
        var placeholders: Set<PackerPlaceholders.Name> = []
        do throws(UnreadableTemplate) {
            if var whole = own.first {
                if file.recipe.packer?.placeholders == true {
                    placeholders = PackerPlaceholders.found(in: whole.bytes)
                    whole.bytes = PackerPlaceholders.fill(
                        whole.bytes, PackerPlaceholders.standIns)
                }
                template = try PackerTemplate(whole)
            } else {
                template = try PackerTemplate(folder: read)
            }
        } catch { throw TemplateFault(cause: error) }
        let values = files.filter { varFiles.contains($0.path) }
            .map(PackerTemplate.values(inVariableFile:))
        return PackerCheck(
            template: template, path: path,
            placeholders: placeholders,
            fileValues: values.reduce(into: [:]) { $0.merge($1) { $1 } },
            hasNeighbours: !own.isEmpty
                && files.contains {
                    $0.path != path && PackerTemplate.isHCL($0.path)
                })
    }

    /// Directly in the folder, which ends with a slash.
    private static func isPackerFile(_ name: String, _ folder: String) -> Bool {
        guard name.hasPrefix(folder) else { return false }
        let rest = name.dropFirst(folder.count)
        return !rest.containsSlash && (PackerTemplate.isHCL(rest) || PackerTemplate.isPreset(rest))
    }
}
