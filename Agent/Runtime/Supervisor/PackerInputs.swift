import AgentCore
import BuildProtocol
import PackerKit
import ProcessKit
import Support
import TextKit

/// What an attempt's Packer reads: the template, and the files of variables.
struct PackerInputs {
    private let context: AttemptContext
    /// The path of a file or a folder, relative to the work folder.
    private let path: String
    private var recipe: BuildRecipe { context.order.start.recipe }
    private let template: PackerTemplate

    var language: PackerTemplate.Language { template.language }

    /// In their order; none if several images are built at once, whose messages mix.
    func provisioners(only: [String], except: [String]) -> [ProvisionerBlock] {
        guard template.selected(only: only, except: except)?.count == 1 else { return [] }
        return template.provisioners ?? []
    }

    /// The names of those that make images elsewhere.
    func remoteSources(only: [String], except: [String]) -> [String] {
        let sources = template.selected(only: only, except: except) ?? template.sources ?? []
        return sources.filter { !$0.isLocal }.compactMap(\.name)
    }

    /// - Throws: a template fault if the template is missing, or Packer cannot read it.
    init(_ path: String, _ context: AttemptContext) throws {
        self.context = context
        self.path = path
        let isFolder = Files.kind("\(context.folder.work)/\(path)") == .folder
        var files =
            isFolder ? try Self.files(path, context) : [try Self.file(path, context)]
        if !isFolder, context.order.start.recipe.packer?.placeholders == true {
            files[0].bytes = try Self.filled(files[0], context)
            try Files.replace(
                "\(context.folder.work)/\(path)", with: files[0].bytes, mode: 0o600)
        }
        do throws(UnreadableTemplate) {
            template =
                isFolder ? try PackerTemplate(folder: files) : try PackerTemplate(files[0])
        } catch { throw Fault(.template, .packerRejected, error.description) }
    }

    private static func file(_ path: String, _ context: AttemptContext) throws
        -> PackerTemplate.File
    {
        let full = "\(context.folder.work)/\(path)"
        guard Files.exists(full) else {
            throw Fault(
                .template, .templateMissing,
                "the Packer template \(Names.quoted(path)) is not in the template repository")
        }
        do throws(SystemError) {
            return PackerTemplate.File(
                path: path,
                bytes: try Files.read(full, limitBytes: AgentLimits.packerTemplateBytes))
        } catch {
            if error.isDiskFull { throw error }
            throw Fault(
                .template, .templateInvalid, "the Packer template cannot be read: \(error)")
        }
    }

    /// The text of the attempt's own copy of the template, whose placeholders it replaces.
    private static func filled(
        _ file: PackerTemplate.File, _ context: AttemptContext
    ) throws -> [UInt8] {
        let found = PackerPlaceholders.found(in: file.bytes)
        if found.isEmpty { return file.bytes }
        do throws(UnreadableTemplate) {
            let texts = try PackerPlaceholders.texts(for: found) {
                context.order.start.recipe.value(ofPlaceholder: $0.rawValue)
            }
            return PackerPlaceholders.fill(file.bytes, texts)
        } catch { throw Fault(.template, .templateInvalid, error.description) }
    }

    private static func files(
        _ folder: String, _ context: AttemptContext
    ) throws -> [PackerTemplate.File] {
        let names = try Files.list("\(context.folder.work)/\(folder)")
            .filter { PackerTemplate.isHCL($0) || PackerTemplate.isPreset($0) }
        guard names.contains(where: PackerTemplate.isHCL) else {
            throw Fault(
                .template, .templateMissing,
                "the folder \(Names.quoted(folder)) of the template has no *.pkr.hcl: name a "
                    + "file, or another folder")
        }
        guard names.count <= PackerLimits.files else {
            throw Fault(
                .template, .templateInvalid,
                "the folder \(Names.quoted(folder)) has \(names.count) Packer files; at most "
                    + "\(PackerLimits.files) are allowed")
        }
        return try names.map { try file(folder == "." ? $0 : "\(folder)/\($0)", context) }
    }

    // MARK: Variables

    /// Writes the files of variables, and gives sources of QEMU an accelerator that works here.
    /// - Returns: the arguments for Packer that name the files.
    func prepare(_ offer: PackerVariables.Offer, fetchesImages: Bool) throws -> [String] {
        let variables = try PackerVariables(for: template, recipe: recipe, offer: offer)
        try Files.replace(
            context.folder.packerOffers, with: PackerVariables.file(variables.offers),
            mode: 0o600)
        try Files.replace(
            context.folder.packerVariables, with: PackerVariables.file(variables.own),
            mode: 0o600)
        var texts = template.presets.compactMapValues(\.text)
        texts.merge(variables.offers) { $1 }
        let files = recipe.packer?.varFiles ?? []
        for path in files {
            let values = PackerTemplate.values(inVariableFile: try Self.file(path, context))
            texts.merge(values.compactMapValues(\.text)) { $1 }
        }
        texts.merge(variables.own.compactMapValues(\.text)) { $1 }
        let images = fetchesImages ? try isoEdits(texts) : []
        try apply(try acceleratorEdits(texts).union(images))
        return ([context.folder.packerOffers] + files + [context.folder.packerVariables])
            .map { "-var-file=\($0)" }
    }

    /// The sources that Packer builds; all that there are if only Packer can tell which.
    private var chosen: [TemplateSourceBlock] {
        let options = recipe.packer ?? PackerOptions()
        return options.runs.flatMap { only in
            template.selected(only: only, except: options.except ?? [])
                ?? template.sources ?? template.definedSources
        }
    }

    /// Changes the attempt's own copy of the template.
    private func apply(_ edits: Set<TemplateEdit>) throws {
        for (path, edits) in Dictionary(grouping: edits, by: \.file) {
            let full = "\(context.folder.work)/\(path)"
            let bytes = try Files.read(full, limitBytes: AgentLimits.packerTemplateBytes)
            try Files.replace(full, with: TemplateEdit.apply(edits, to: bytes), mode: 0o600)
        }
    }

    // MARK: Accelerator

    private func acceleratorEdits(_ values: [String: String]) throws -> Set<TemplateEdit> {
        guard let accelerator = context.order.accelerator else { return [] }
        var edits: Set<TemplateEdit> = []
        if recipe.packer?.overridesAccelerator == true {
            edits = template.overriding(accelerator.rawValue, in: chosen)
        } else if accelerator != .kvm {
            for source in chosen {
                guard
                    let setting = template.accelerators(of: [source], values: values).first
                else { continue }
                // Packer would take KVM because the device is there, whether it works or not.
                if setting.value == nil {
                    edits.formUnion(template.overriding(accelerator.rawValue, in: [source]))
                } else if setting.value == Accelerator.kvm.rawValue {
                    throw Fault(
                        .template, .templateInvalid,
                        template.hardCodedAccelerator(at: setting.place)
                            + "; KVM does not work on this host, \(accelerator.rawValue) does")
                }
            }
        }
        for path in Set(edits.map(\.file)).sorted() {
            try context.log.note(
                "\(path): set the accelerator to \(accelerator.rawValue), which this host has")
        }
        return edits
    }

    // MARK: Images

    /// Fetches what sources of QEMU would download into the cache of this host, so that the next
    /// build finds it, and makes them read it there.
    private func isoEdits(_ values: [String: String]) throws -> Set<TemplateEdit> {
        var edits: Set<TemplateEdit> = []
        var fetched: [ISOSetting: String] = [:]
        for iso in template.isos(of: chosen, values: values) {
            if fetched[iso] == nil {
                fetched[iso] = try fetch(
                    iso, into: "\(context.folder.baseImage)/iso\(fetched.count)")
            }
            if let path = fetched[iso] { edits.formUnion(template.replacing(iso, with: path)) }
        }
        return edits
    }

    /// - Returns: the path of the image.
    private func fetch(_ iso: ISOSetting, into folder: String) throws -> String {
        try Files.makeFolder(folder, mode: 0o700)
        var last: Fault?
        for url in iso.urls {
            let fetcher = BaseImageFetcher(
                context: context, wanted: BaseImage(url: url, sha256: iso.sha256),
                isolation: context.order.isolation, folder: folder)
            do { return try fetcher.fetch().path } catch let fault as Fault
                where fault.class != .cancelled
            {
                try context.log.note("\(fault.reason)")
                last = fault
            }
        }
        throw last ?? Fault(.template, .baseImageMissing, "the template names no image")
    }
}
