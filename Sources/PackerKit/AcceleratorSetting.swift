/// The accelerator that a source of QEMU asks for.
public struct AcceleratorSetting: Sendable, Hashable {
    /// `kvm`, `tcg` …; `nil` if nothing is written, so that Packer chooses.
    public var value: String?
    /// Of the value, or of the source without one.
    public var place: SourcePlace
}

/// A change of one file of a template.
public struct TemplateEdit: Sendable, Hashable {
    public var file: String
    /// Byte offsets; empty for an insertion.
    public var range: Range<Int>
    public var text: String

    /// The file with changes that do not overlap.
    public static func apply(_ edits: some Sequence<TemplateEdit>, to bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound })
        where edit.range.upperBound <= result.count {
            result.replaceSubrange(edit.range, with: Array(edit.text.utf8))
        }
        return result
    }
}

extension PackerTemplate {
    public static let accelerator = "accelerator"

    /// The accelerators of sources whose value can be read here.
    ///
    /// - Parameter values: of variables, as they are passed to Packer.
    public func accelerators(
        of sources: [TemplateSourceBlock], values: [String: String]
    ) -> [AcceleratorSetting] {
        sources.filter { $0.type == TemplateSourceBlock.qemu }.compactMap { source in
            guard let setting = source.settings[Self.accelerator] else {
                return AcceleratorSetting(value: nil, place: source.place)
            }
            guard let value = text(of: setting.value, values, depth: 0) else { return nil }
            return AcceleratorSetting(
                value: value.isEmpty ? nil : value, place: setting.place)
        }
    }

    /// The changes after which sources use this accelerator; those that cannot be read, too.
    public func overriding(
        _ accelerator: String, in sources: [TemplateSourceBlock]
    ) -> Set<TemplateEdit> {
        var edits: Set<TemplateEdit> = []
        for source in sources where source.type == TemplateSourceBlock.qemu {
            if let setting = source.settings[Self.accelerator] {
                edits.insert(
                    TemplateEdit(
                        file: setting.place.file, range: setting.range,
                        text: "\"\(accelerator)\""))
            } else {
                edits.formUnion(
                    source.insertion.edits(
                        Self.accelerator, accelerator, in: source.place.file))
            }
        }
        return edits
    }

    /// Says what to write instead.
    public func hardCodedAccelerator(at place: SourcePlace) -> String {
        let variable =
            switch (language, place.file.hasSuffix(".json")) {
            case (.json, _): "{{user `accelerator`}}"
            case (.hcl, true): "${var.accelerator}"
            case (.hcl, false): "var.accelerator"
            }
        return "the template asks for kvm (\(place)): use \(variable) there, or set "
            + "accelerator: override in aibuild.yml"
    }

    /// The text of a value, through the defaults of variables that refer to each other.
    func text(
        of value: TemplateValue, _ values: [String: String], depth: Int
    ) -> String? {
        switch value {
        case .text(let text): return text
        case .word(let word): return word == "null" ? "" : word
        case .variable(let name):
            if let given = values[name] { return given }
            guard depth < PackerLimits.depth else { return nil }
            // An undeclared variable of a JSON template is an empty text.
            guard let variable = variables[name] else { return language == .json ? "" : nil }
            return variable.fallback.flatMap { text(of: $0, values, depth: depth + 1) }
        case .list, .object, .computed: return nil
        }
    }
}
