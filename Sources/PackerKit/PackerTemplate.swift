/// What a Packer template declares and refers to.
public struct PackerTemplate: Sendable {
    public enum Language: Sendable, Hashable {
        /// Packer's legacy JSON, which `packer fix` can upgrade.
        case json
        /// HCL2, also in its JSON form.
        case hcl
    }

    public struct Variable: Sendable, Hashable {
        /// Without a value from outside, Packer refuses the template.
        public var isRequired: Bool
        /// The type as written: `string`, `list(string)`; `nil` if it follows from the value.
        public var type: String?
        public var fallback: TemplateValue?
        public var place: SourcePlace

        public init(
            isRequired: Bool, type: String? = nil, fallback: TemplateValue? = nil,
            place: SourcePlace
        ) {
            self.isRequired = isRequired
            self.type = type
            self.fallback = fallback
            self.place = place
        }
    }

    /// A user variable that a JSON template uses, declared or not.
    public struct Reference: Sendable, Hashable {
        public var name: String
        public var place: SourcePlace
        /// The index of the source that uses it; `nil` if all do.
        public var source: Int?
    }

    /// A file by its path in the template.
    public struct File: Sendable {
        public var path: String
        public var bytes: [UInt8]

        public init(path: String, bytes: [UInt8]) {
            self.path = path
            self.bytes = bytes
        }
    }

    public var language: Language
    public var variables: [String: Variable] = [:]
    public var references: [Reference] = []
    /// In the order in which Packer builds them; `nil` if only Packer can tell.
    public var sources: [TemplateSourceBlock]? = []
    /// In the order in which Packer runs them; `nil` if that depends on the source.
    public var provisioners: [ProvisionerBlock]? = []
    /// Those that an HCL2 template defines, whether or not a build is known to use them.
    public var definedSources: [TemplateSourceBlock] = []
    public var needs = PackerNeeds()
    /// Variables that the template's own `*.auto.pkrvars.*` set.
    public var presets: [String: TemplateValue] = [:]
    /// Sources that a build names and no file defines.
    public var missingSources: [(name: String, place: SourcePlace)] = []

    init(language: Language) { self.language = language }

    /// Whether a file of this name is part of an HCL2 template in a folder.
    public static func isHCL(_ name: some StringProtocol) -> Bool {
        name.hasSuffix(".pkr.hcl") || name.hasSuffix(".pkr.json")
    }

    /// Whether Packer reads variables from a file of this name by itself.
    public static func isPreset(_ name: some StringProtocol) -> Bool {
        name.hasSuffix(".auto.pkrvars.hcl") || name.hasSuffix(".auto.pkrvars.json")
    }

    /// - Parameter file: its suffix selects the language, as in Packer.
    public init(_ file: File) throws(UnreadableTemplate) {
        try self.init(folder: [file])
    }

    /// - Parameter files: of one folder; only those count that Packer reads. A single file may have
    ///   any name.
    public init(folder files: [File]) throws(UnreadableTemplate) {
        let sorted = files.sorted { $0.path < $1.path }
        if sorted.count == 1, let file = sorted.first, !Self.isHCL(file.path),
            !file.path.hasSuffix(".hcl")
        {
            let text = SourceText(file: file.path, bytes: file.bytes)
            self = try JSONTemplate.read(text)
            return
        }
        var reader = HCLTemplate()
        for file in sorted where sorted.count == 1 || Self.isHCL(file.path) {
            try reader.add(SourceText(file: file.path, bytes: file.bytes))
        }
        self = reader.template()
        for file in sorted where Self.isPreset(file.path) {
            presets.merge(Self.values(inVariableFile: file)) { $1 }
        }
    }

    /// The variables that a file for `-var-file` sets, HCL or JSON. One that cannot be read sets
    /// none: Packer says what is wrong with it.
    public static func values(inVariableFile file: File) -> [String: TemplateValue] {
        if file.path.hasSuffix(".json") {
            let source = SourceText(file: file.path, bytes: file.bytes)
            let members = (try? JSONParser.parse(source))?.members ?? []
            return Dictionary(
                members.map { ($0.key, TemplateValue($0.value, isHCL: true)) },
                uniquingKeysWith: { $1 })
        }
        return Dictionary(
            HCLBody.parse(file.bytes).attributes.map {
                ($0.name, TemplateValue(file.bytes, in: $0.expression))
            }, uniquingKeysWith: { $1 })
    }

    /// All names by which variables may be passed to it.
    public var acceptedVariables: Set<String> {
        Set(variables.keys).union(references.map(\.name))
    }
}
