/// Reads the files of an HCL2 template, which Packer takes together.
struct HCLTemplate {
    private var result = PackerTemplate(language: .hcl)
    /// By `type.name`.
    private var sources: [String: TemplateSourceBlock] = [:]
    private var builds: [(block: HCLBody.Block, source: SourceText)] = []
    /// JSON files may define sources that are not read here.
    private var isComplete = true

    mutating func add(_ source: SourceText) throws(UnreadableTemplate) {
        if source.file.hasSuffix(".json") {
            try add(json: source)
            return
        }
        let body = HCLBody.parse(source.bytes)
        for block in body.blocks {
            switch (block.type, block.labels.count) {
            case ("variable", 1): add(variable: block, source)
            case ("variables", 0):
                for attribute in block.body.attributes {
                    result.variables[attribute.name] = PackerTemplate.Variable(
                        isRequired: false,
                        fallback: TemplateValue(source.bytes, in: attribute.expression),
                        place: source.place(attribute.start))
                }
            case ("source", 2):
                let name = block.labels.joined(separator: ".")
                sources[name] = Self.source(block, name: name, source)
            case ("build", 0): builds.append((block, source))
            case ("packer", 0): add(packer: block, source)
            case ("data", 2), ("local", 1):
                need(">= 1.7.0", "a \(block.type) block", source.place(block.start))
            default: break
            }
        }
    }

    private mutating func add(variable block: HCLBody.Block, _ source: SourceText) {
        let type = block.body["type"].map { attribute in
            String(decoding: source.bytes[attribute.expression], as: UTF8.self)
        }
        let fallback = block.body["default"].map {
            TemplateValue(source.bytes, in: $0.expression)
        }
        result.variables[block.labels[0]] = PackerTemplate.Variable(
            isRequired: fallback == nil, type: type, fallback: fallback,
            place: source.place(block.start))
    }

    // MARK: Requirements

    private mutating func need(_ constraint: String, _ reason: String, _ place: SourcePlace) {
        result.needs.versions.append(
            PackerNeeds.Version(constraint: constraint, reason: reason, place: place))
    }

    private mutating func add(packer block: HCLBody.Block, _ source: SourceText) {
        if let version = block.body["required_version"],
            let text = TemplateValue(source.bytes, in: version.expression).text
        {
            need(text, "required_version", source.place(version.start))
        }
        for plugins in block.body.blocks("required_plugins") {
            need(">= 1.7.0", "required_plugins", source.place(plugins.start))
            for attribute in plugins.body.attributes {
                let value = TemplateValue(source.bytes, in: attribute.expression)
                guard case .object(let fields) = value, let name = fields["source"]?.text else {
                    continue
                }
                result.needs.plugins.append(
                    PackerNeeds.Plugin(
                        source: name, constraint: fields["version"]?.text,
                        place: source.place(attribute.start)))
            }
        }
    }

    private mutating func add(json source: SourceText) throws(UnreadableTemplate) {
        let root = try JSONParser.parse(source)
        guard let members = root.members else {
            throw UnreadableTemplate(
                description: "\(source.file):1:1: the template is not a JSON object")
        }
        for member in members {
            switch member.key {
            case "variable":
                for item in member.value.items ?? [member.value] {
                    for variable in item.members ?? [] {
                        result.variables[variable.key] = PackerTemplate.Variable(
                            isRequired: variable.value["default"] == nil,
                            type: variable.value["type"]?.text,
                            fallback: variable.value["default"].map {
                                TemplateValue($0, isHCL: true)
                            },
                            place: source.place(variable.value.range.lowerBound))
                    }
                }
            case "packer":
                guard let version = member.value["required_version"], let text = version.text
                else { continue }
                need(text, "required_version", source.place(version.range.lowerBound))
            case "source", "build": isComplete = false
            default: break
            }
        }
    }

    // MARK: Sources

    private static func source(
        _ block: HCLBody.Block, name: String, _ source: SourceText
    ) -> TemplateSourceBlock {
        TemplateSourceBlock(
            name: name, type: block.labels[0], place: source.place(block.start),
            insertion: block.inner,
            lineEnd: source.bytes[block.inner..<block.close].contains(0x0A) ? nil : block.close,
            settings: settings(block.body, source))
    }

    private static func settings(
        _ body: HCLBody, _ source: SourceText
    ) -> [String: TemplateSourceBlock.Setting] {
        Dictionary(
            body.attributes.map { attribute in
                (
                    attribute.name,
                    TemplateSourceBlock.Setting(
                        value: TemplateValue(source.bytes, in: attribute.expression),
                        place: source.place(attribute.expression.lowerBound),
                        range: attribute.expression)
                )
            }, uniquingKeysWith: { $1 })
    }

    func template() -> PackerTemplate {
        var template = result
        template.sources = isComplete ? [] : nil
        template.provisioners = provisioners()
        for (build, source) in builds {
            let buildName = build.body["name"].map {
                TemplateValue(source.bytes, in: $0.expression)
            }
            for use in Self.uses(build, source) {
                guard let full = use.reference else {
                    template.sources = nil
                    continue
                }
                guard var found = sources[full] else {
                    if isComplete {
                        template.missingSources.append(("source.\(full)", use.place))
                    }
                    continue
                }
                found.settings.merge(use.settings) { $1 }
                found.name = Self.name(buildName, found.type, use.name ?? full)
                template.sources?.append(found)
            }
        }
        return template
    }

    private func provisioners() -> [ProvisionerBlock]? {
        guard isComplete, builds.count == 1 else { return nil }
        let (build, source) = builds[0]
        var found: [ProvisionerBlock] = []
        for block in build.body.blocks("provisioner") {
            guard block.labels.count == 1,
                ProvisionerBlock.conditions.allSatisfy({ block.body[$0] == nil })
            else { return nil }
            found.append(
                ProvisionerBlock(
                    type: block.labels[0],
                    lists: ProvisionerBlock.lists.compactMap { name in
                        block.body[name].map { TemplateValue(source.bytes, in: $0.expression) }
                    }))
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
    private static func uses(_ build: HCLBody.Block, _ source: SourceText) -> [Use] {
        var uses: [Use] = []
        if let list = build.body["sources"] {
            let place = source.place(list.start)
            switch TemplateValue(source.bytes, in: list.expression) {
            case .list(let items):
                uses += items.map { Use(reference: $0.text.map(plain), place: place) }
            default: uses.append(Use(place: place))
            }
        }
        for block in build.body.blocks("source") where block.labels.count == 1 {
            let name = block.body["name"].map { TemplateValue(source.bytes, in: $0.expression) }
            var use = Use(
                reference: plain(block.labels[0]), name: name?.text,
                place: source.place(block.start), settings: settings(block.body, source))
            if let name, name.text == nil { use.reference = nil }
            uses.append(use)
        }
        return uses
    }

    private static func plain(_ reference: String) -> String {
        reference.hasPrefix("source.") ? String(reference.dropFirst(7)) : reference
    }
}
