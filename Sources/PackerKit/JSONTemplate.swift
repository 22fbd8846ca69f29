/// Reads Packer's legacy JSON.
enum JSONTemplate {
    static func read(_ source: SourceText) throws(UnreadableTemplate) -> PackerTemplate {
        let root = try JSONParser.parse(source)
        guard let members = root.members else {
            throw UnreadableTemplate(
                description: "\(source.file):1:1: the template is not a JSON object")
        }
        var template = PackerTemplate(language: .json)
        for member in members {
            switch member.key {
            case "variables": try read(variables: member.value, source, into: &template)
            case "builders": try read(builders: member.value, source, into: &template)
            case "provisioners":
                refer(member.value, source, nil, into: &template)
                template.provisioners = provisioners(member.value.items ?? [])
            case "post-processors": refer(member.value, source, nil, into: &template)
            case "min_packer_version":
                guard let version = member.value.text else { continue }
                template.needs.versions.append(
                    PackerNeeds.Version(
                        constraint: ">= \(version)", reason: "min_packer_version",
                        place: source.place(member.value.range.lowerBound)))
            default: break
            }
        }
        return template
    }

    private static func read(
        variables: JSONTree, _ source: SourceText, into template: inout PackerTemplate
    ) throws(UnreadableTemplate) {
        guard let members = variables.members else {
            throw UnreadableTemplate(
                description: "\(source.place(variables.range.lowerBound)): variables is not an "
                    + "object")
        }
        for member in members {
            template.variables[member.key] = PackerTemplate.Variable(
                isRequired: member.value.isNull, fallback: TemplateValue(member.value),
                place: source.place(member.value.range.lowerBound))
        }
        refer(variables, source, nil, into: &template)
    }

    private static func read(
        builders: JSONTree, _ source: SourceText, into template: inout PackerTemplate
    ) throws(UnreadableTemplate) {
        guard let items = builders.items else {
            throw UnreadableTemplate(
                description: "\(source.place(builders.range.lowerBound)): builders is not a list")
        }
        for (index, builder) in items.enumerated() {
            refer(builder, source, index, into: &template)
            guard let members = builder.members, let type = builder["type"]?.text else {
                // Packer refuses it, with the right words.
                template.sources = nil
                continue
            }
            let name = builder["name"]?.text ?? type
            var settings: [String: TemplateSourceBlock.Setting] = [:]
            for member in members {
                settings[member.key] = TemplateSourceBlock.Setting(
                    value: TemplateValue(member.value),
                    place: source.place(member.value.range.lowerBound), range: member.value.range)
            }
            template.sources?.append(
                TemplateSourceBlock(
                    name: GoTemplate.hasActions(name) ? nil : name, type: type,
                    place: source.place(builder.range.lowerBound),
                    insertion: .json(at: builder.range.lowerBound + 1, isEmpty: members.isEmpty),
                    settings: settings))
        }
    }

    private static func provisioners(_ items: [JSONTree]) -> [ProvisionerBlock]? {
        guard
            !items.contains(where: { item in
                ProvisionerBlock.conditions.contains { item[$0] != nil }
            })
        else {
            return nil
        }
        return items.map { item in
            ProvisionerBlock(
                type: item["type"]?.text ?? "",
                lists: ProvisionerBlock.lists.compactMap { item[$0].map { TemplateValue($0) } })
        }
    }

    private static func refer(
        _ tree: JSONTree, _ source: SourceText, _ index: Int?, into template: inout PackerTemplate
    ) {
        tree.forEachString { text, offset in
            for name in GoTemplate.userVariables(text) {
                template.references.append(
                    PackerTemplate.Reference(
                        name: name, place: source.place(offset), source: index))
            }
        }
    }
}
