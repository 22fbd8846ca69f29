/// Reads the files of an HCL2 template, which Packer takes together.
struct HCLTemplate {
    private var result = PackerTemplate(language: .hcl)
    /// By `type.name`.
    private var sources: [String: TemplateSourceBlock] = [:]
    private var builds: [TemplateBlock] = []

    mutating func add(_ source: SourceText) throws(UnreadableTemplate) {
        for block in try TemplateBlock.read(source) {
            switch (block.type, block.labels.count) {
            case ("variable", 1): add(variable: block)
            case ("variables", 0):
                for (name, attribute) in block.attributes {
                    result.variables[name] = PackerTemplate.Variable(
                        isRequired: false, fallback: attribute.value, place: attribute.start)
                }
            case ("source", 2):
                let name = block.labels.joined(separator: ".")
                sources[name] = TemplateSourceBlock(
                    name: name, type: block.labels[0], place: block.place,
                    insertion: block.insertion, settings: block.settings)
            case ("build", 0): builds.append(block)
            case ("packer", 0): add(packer: block)
            case ("data", 2), ("local", 1):
                need(">= 1.7.0", "a \(block.type) block", block.place)
            default: break
            }
        }
    }

    private mutating func add(variable block: TemplateBlock) {
        let fallback = block["default"]
        result.variables[block.labels[0]] = PackerTemplate.Variable(
            isRequired: fallback == nil, type: block.attributes["type"]?.raw, fallback: fallback,
            place: block.place)
    }

    // MARK: Requirements

    private mutating func need(_ constraint: String, _ reason: String, _ place: SourcePlace) {
        result.needs.versions.append(
            PackerNeeds.Version(constraint: constraint, reason: reason, place: place))
    }

    private mutating func add(packer block: TemplateBlock) {
        if let version = block.attributes["required_version"], let text = version.value.text {
            need(text, "required_version", version.start)
        }
        for plugins in block.blocks("required_plugins") {
            need(">= 1.7.0", "required_plugins", plugins.place)
            let inOrder = plugins.attributes.values.sorted {
                $0.setting.range.lowerBound < $1.setting.range.lowerBound
            }
            for attribute in inOrder {
                guard case .object(let fields) = attribute.value,
                    let name = fields["source"]?.text
                else { continue }
                result.needs.plugins.append(
                    PackerNeeds.Plugin(
                        source: name, constraint: fields["version"]?.text,
                        place: attribute.start))
            }
        }
    }

    // MARK: Sources

    func template() -> PackerTemplate {
        var template = result
        template.provisioners = provisioners()
        template.definedSources = sources.values.sorted { $0.name ?? "" < $1.name ?? "" }
        for build in builds {
            for use in Self.uses(build) {
                guard let full = use.reference else {
                    template.sources = nil
                    continue
                }
                guard var found = sources[full] else {
                    template.missingSources.append(("source.\(full)", use.place))
                    continue
                }
                found.settings.merge(use.settings) { $1 }
                found.name = Self.name(build["name"], found.type, use.name ?? full)
                template.sources?.append(found)
            }
        }
        return template
    }

    private func provisioners() -> [ProvisionerBlock]? {
        guard builds.count == 1 else { return nil }
        var found: [ProvisionerBlock] = []
        for block in builds[0].blocks("provisioner") {
            guard block.labels.count == 1,
                ProvisionerBlock.conditions.allSatisfy({ block[$0] == nil })
            else { return nil }
            found.append(
                ProvisionerBlock(
                    type: block.labels[0], lists: ProvisionerBlock.lists.compactMap { block[$0] }))
        }
        return found
    }

    private static func name(
        _ build: TemplateValue?, _ type: String, _ name: String
    ) -> String? {
        let own = name.hasPrefix(type + ".") ? name : "\(type).\(name)"
        switch build {
        case nil: return own
        case .text(let build)?: return build.isEmpty ? own : "\(build).\(own)"
        default: return nil
        }
    }

    private struct Use {
        /// `type.name`; `nil` if it is computed.
        var reference: String?
        var name: String?
        var place: SourcePlace
        var settings: [String: TemplateSourceBlock.Setting] = [:]
    }

    /// The sources that a build names, in its list and as blocks.
    private static func uses(_ build: TemplateBlock) -> [Use] {
        var uses: [Use] = []
        if let list = build.attributes["sources"] {
            switch list.value {
            case .list(let items):
                uses += items.map { Use(reference: $0.text.map(plain), place: list.start) }
            default: uses.append(Use(place: list.start))
            }
        }
        for block in build.blocks("source") where block.labels.count == 1 {
            let name = block["name"]
            var use = Use(
                reference: plain(block.labels[0]), name: name?.text, place: block.place,
                settings: block.settings)
            if let name, name.text == nil { use.reference = nil }
            uses.append(use)
        }
        return uses
    }

    private static func plain(_ reference: String) -> String {
        reference.hasPrefix("source.") ? String(reference.dropFirst(7)) : reference
    }
}
