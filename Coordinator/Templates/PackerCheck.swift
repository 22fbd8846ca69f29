package import BuildProtocol
package import CoordinatorCore
package import PackerKit
import TextKit

/// Checks a Packer template before a host is involved: what it refers to must be there, and what it
/// needs of a host is part of the plan.
package struct PackerCheck: Sendable {
    package let template: PackerTemplate
    /// The path in the archive, of a file or a folder.
    package let path: String
    /// Those in its text, if they are replaced.
    let placeholders: Set<PackerPlaceholders.Name>
    /// What the files of `var_files` set.
    let fileValues: [String: TemplateValue]
    /// Other HCL2 files in the folder of a single one.
    let hasNeighbours: Bool

    /// - Throws: `TemplateFault`
    package func apply(to plan: inout BuildPlan) throws(TemplateFault) {
        if let missing = template.missingSources.first {
            throw TemplateFault(
                "\(missing.place): the build names \(missing.name), which "
                    + (hasNeighbours
                        ? "is not in this file; for all files of its folder, write template: "
                            + "\(folder) in aibuild.yml"
                        : "no file of the template defines"))
        }
        let chosen = try chosen(plan.recipe.packer ?? PackerOptions())
        try checkHypervisors(chosen, plan.recipe.packer ?? PackerOptions())
        _ = try placeholderTexts(plan.recipe)
        try checkVariables(
            chosen,
            plan.recipe.forPacker(
                accepting: template.acceptedVariables,
                placeholders: PackerPlaceholders.Name.allCases.map(\.rawValue)))
        try checkAccelerator(chosen.map(\.source), &plan)
        if chosen.contains(where: { !$0.source.isLocal }) {
            plan.limits.cleanupSeconds = CleanupBound.range.upperBound
        }
        // The agent sets the others, and what replaces placeholders is limited more strictly.
        let others =
            OfferedVariable.allCases.map(\.rawValue)
            + PackerPlaceholders.Name.allCases.map(\.rawValue)
        plan.hostVariables = template.acceptedVariables.subtracting(others).sorted()
        // Also if it needs no version: it needs a Packer.
        plan.packer = template.needs
    }

    /// What takes the place of the placeholders.
    package func placeholderTexts(
        _ recipe: BuildRecipe
    ) throws(TemplateFault) -> [PackerPlaceholders.Name: [UInt8]] {
        do throws(UnreadableTemplate) {
            return try PackerPlaceholders.texts(for: placeholders) {
                recipe.value(ofPlaceholder: $0.rawValue)
            }
        } catch { throw TemplateFault("\(path): \(error.description)") }
    }

    private var folder: String {
        path.contains("/") ? path.pathSegments.dropLast().joined(separator: "/") : "."
    }

    // MARK: Sources

    private typealias Chosen = [(index: Int, source: TemplateSourceBlock)]

    /// The sources that Packer will build; all of them if only Packer can tell.
    private func chosen(_ options: PackerOptions) throws(TemplateFault) -> Chosen {
        let sources = template.sources ?? []
        let all = sources.enumerated().map { (index: $0.offset, source: $0.element) }
        let names = sources.compactMap(\.name)
        guard template.sources != nil, names.count == sources.count else { return all }
        let lists = [
            ("only", options.only), ("except", options.except), ("steps", options.steps),
        ]
        for (key, patterns) in lists {
            for pattern in patterns ?? []
            where !names.contains(where: { template.matches(pattern, $0) }) {
                throw TemplateFault(
                    "aibuild.yml: \(key) has \(Names.quoted(pattern)), which names no source of "
                        + "\(path)" + (Suggestion.hint(for: pattern, in: names) ?? "")
                        + "; the sources are " + Self.list(names))
            }
        }
        let chosen = all.filter { item in
            options.runs.contains { only in
                template.selected(only: only, except: options.except ?? [])?
                    .contains(item.source) ?? true
            }
        }
        guard !chosen.isEmpty || all.isEmpty else {
            throw TemplateFault(
                "aibuild.yml: only and except leave no source of \(path); the sources are "
                    + Self.list(names))
        }
        return chosen
    }

    /// A template for several hypervisors needs `only`, and is told so.
    private func checkHypervisors(
        _ chosen: Chosen, _ options: PackerOptions
    ) throws(TemplateFault) {
        guard options.only == nil, options.steps == nil,
            let other = chosen.map(\.source).first(where: \.isOtherHypervisor)
        else { return }
        let names = chosen.map(\.source).filter { !$0.isOtherHypervisor }.compactMap(\.name)
        throw TemplateFault(
            "\(other.place): the source \(other.name ?? other.type) needs a hypervisor that hosts "
                + "do not have (\(other.type)): "
                + (names.isEmpty
                    ? "add a source of type qemu"
                    : "write only: [\(Self.list(names))] in aibuild.yml"))
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(20).joined(separator: ", ") + (names.count > 20 ? " …" : "")
    }

    // MARK: Variables

    private func checkVariables(
        _ chosen: Chosen, _ recipe: BuildRecipe
    ) throws(TemplateFault) {
        let own = Set(recipe.variables.keys).union((recipe.values ?? [:]).keys)
        let accepted = template.acceptedVariables
        if let unknown = own.sorted().first(where: { !accepted.contains($0) }) {
            throw TemplateFault(
                "the variable \(Names.quoted(unknown)) is set, which the Packer template \(path) "
                    + "neither declares nor refers to"
                    + "; it declares: \(accepted.isEmpty ? "none" : Self.list(accepted.sorted()))"
                    + (Suggestion.hint(for: unknown, in: accepted.sorted()) ?? ""))
        }
        for (name, value) in recipe.values ?? [:] where template.language == .json {
            guard case .object = value else { continue }
            throw TemplateFault(
                "the variable \(Names.quoted(name)) is a mapping, and variables of a JSON "
                    + "template are texts")
        }
        let offered = OfferedVariable.allCases
            .filter { !$0.needsBaseImage || recipe.baseImage != nil }.map(\.rawValue)
        // Packer reads variables of HCL2 from its environment.
        let prefix = "PKR_VAR_"
        let environment = (recipe.environment ?? [:]).keys.filter { $0.hasPrefix(prefix) }
            .map { String($0.dropFirst(prefix.count)) }
        let set = own.union(offered).union(environment).union(fileValues.keys).union(
            template.presets.keys)
        if let (name, place, what) = unset(chosen, set) {
            throw TemplateFault(
                "\(place): \(what) the variable \(Names.quoted(name)), which nothing sets: "
                    + remedy(name))
        }
    }

    /// The first variable that Packer would find without a value.
    private func unset(
        _ chosen: Chosen, _ set: Set<String>
    ) -> (name: String, place: SourcePlace, what: String)? {
        let required = template.variables.filter { $0.value.isRequired && !set.contains($0.key) }
        if let first = required.min(by: { $0.key < $1.key }) {
            return (first.key, first.value.place, "the template requires")
        }
        let indices = Set(chosen.map(\.index))
        let reference = template.references.first { reference in
            reference.source.map(indices.contains) ?? true
                && template.variables[reference.name] == nil && !set.contains(reference.name)
        }
        return reference.map { ($0.name, $0.place, "the template uses") }
    }

    private func remedy(_ name: String) -> String {
        if let offered = OfferedVariable(rawValue: name), offered.needsBaseImage {
            return "add base_image: to aibuild.yml, or set it under variables: there"
        }
        let hint = Suggestion.hint(for: name, in: OfferedVariable.allCases.map(\.rawValue))
        return "set it under variables: in aibuild.yml, to \"\" if it may be empty"
            + (hint.map { $0 } ?? "")
    }

    // MARK: Accelerator

    /// A template that asks for KVM in so many words is placed where KVM works.
    private func checkAccelerator(
        _ sources: [TemplateSourceBlock], _ plan: inout BuildPlan
    ) throws(TemplateFault) {
        guard plan.recipe.packer?.overridesAccelerator != true else { return }
        var values = template.presets.compactMapValues(\.text)
        // The agent chooses it by what works on its host.
        values[PackerTemplate.accelerator] = "of the host"
        values.merge(fileValues.compactMapValues(\.text)) { $1 }
        values.merge(plan.recipe.variables) { $1 }
        let fixed = template.accelerators(of: sources, values: values)
            .first { $0.value == Accelerator.kvm.rawValue }
        guard let fixed else { return }
        let reason = template.hardCodedAccelerator(at: fixed.place)
        switch plan.requirements.accelerator {
        case .kvm?: break
        case .tcg?: throw TemplateFault("aibuild.yml requires accelerator: tcg, but \(reason)")
        case nil: plan.acceleratorReason = reason
        }
    }
}
