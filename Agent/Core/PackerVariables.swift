public import BuildProtocol
public import PackerKit
public import TextKit

/// The variables that are passed to an attempt's Packer.
public struct PackerVariables: Sendable, Hashable {
    /// Values of the agent. A template gets those that it declares or refers to.
    public struct Offer: Sendable, Hashable {
        /// Must not exist yet: Packer creates it.
        public var outputFolder: String
        public var imageName: String
        public var buildNumber: Int
        public var baseImagePath: String?
        public var baseImageDigest: ImageDigest?
        public var accelerator: Accelerator?
        public var vcpus: Int
        public var memoryBytes: Int64
        /// For SSH into the guest.
        public var ports: Range<Int>

        public init(
            outputFolder: String, imageName: String, buildNumber: Int, baseImagePath: String?,
            baseImageDigest: ImageDigest?, accelerator: Accelerator?, vcpus: Int,
            memoryBytes: Int64,
            ports: Range<Int>
        ) {
            self.outputFolder = outputFolder
            self.imageName = imageName
            self.buildNumber = buildNumber
            self.baseImagePath = baseImagePath
            self.baseImageDigest = baseImageDigest
            self.accelerator = accelerator
            self.vcpus = vcpus
            self.memoryBytes = memoryBytes
            self.ports = ports
        }

        var values: [String: String] {
            var values: [OfferedVariable: String] = [
                .outdir: outputFolder,
                .vmname: imageName + ".qcow2",
                .imageName: imageName,
                .buildNumber: String(buildNumber),
                .cpus: String(vcpus),
                .memoryMB: String(memoryBytes >> 20),
                .hostPortMin: String(ports.lowerBound),
                .hostPortMax: String(ports.upperBound - 1),
                .vncPortMin: String(AgentLimits.vncPorts.lowerBound),
                .vncPortMax: String(AgentLimits.vncPorts.upperBound - 1),
            ]
            values[.accelerator] = accelerator?.rawValue
            values[.isourl] = baseImagePath
            if baseImagePath != nil {
                values[.isochecksum] =
                    baseImageDigest.map { "\($0.algorithm.rawValue):\($0.hex)" } ?? "none"
            }
            return Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, $0.value) })
        }
    }

    /// The agent's own values, for the first file of variables.
    public var offers: [String: String]
    /// Those of the recipe, for the last one.
    public var own: [String: JSON]

    /// - Throws: a template fault that names a variable of the recipe that the template neither
    ///   declares nor refers to, since it would silently have no effect, or one whose value it
    ///   cannot take.
    public init(
        for template: PackerTemplate, recipe: BuildRecipe, offer: Offer
    ) throws(Fault) {
        let accepted = template.acceptedVariables
        let recipe = recipe.forPacker(
            accepting: accepted, placeholders: PackerPlaceholders.Name.allCases.map(\.rawValue))
        for name in recipe.variables.keys.sorted() + (recipe.values ?? [:]).keys.sorted()
        where !accepted.contains(name) {
            let known = accepted.sorted().joined(separator: ", ")
            throw Fault(
                .template, .templateInvalid,
                "aibuild.yml sets the variable '\(name)', which the Packer template neither "
                    + "declares nor refers to; it declares: \(known.isEmpty ? "none" : known)")
        }
        offers = offer.values.filter { accepted.contains($0.key) }
        own = [:]
        for (name, text) in recipe.variables {
            own[name] = Self.typed(text, template.variables[name], template.language)
        }
        for (name, value) in recipe.values ?? [:] {
            guard template.language == .json else {
                own[name] = value
                continue
            }
            guard let text = Self.commaSeparated(value) else {
                throw Fault(
                    .template, .templateInvalid,
                    "aibuild.yml sets the variable '\(name)' to a mapping, or to a list of more "
                        + "than texts; variables of a JSON template are texts")
            }
            own[name] = .string(text)
        }
    }

    /// The final values that are texts.
    public var texts: [String: String] {
        offers.merging(own.compactMapValues(\.text)) { _, own in own }
    }

    /// A text for a variable of HCL2 that is not one: `["a"]` for a `list(string)`. Packer itself
    /// reads such a text from `-var` and the environment, but not from a file.
    private static func typed(
        _ text: String, _ variable: PackerTemplate.Variable?, _ language: PackerTemplate.Language
    ) -> JSON {
        guard language == .hcl, let type = variable?.type, type != "string",
            let first = text.utf8.first(where: { $0 > 0x20 }), first == 0x5B || first == 0x7B,
            let value = try? JSON(parsing: text.utf8)
        else { return .string(text) }
        return value
    }

    /// A list as JSON templates have it: where Packer wants a list, it splits a text at commas.
    private static func commaSeparated(_ value: JSON) -> String? {
        guard case .array(let items) = value else { return nil }
        var texts: [String] = []
        for item in items {
            switch item {
            case .string(let text): texts.append(text)
            case .int(let number): texts.append(String(number))
            case .double(let number): texts.append(String(number))
            case .bool(let bool): texts.append(String(bool))
            case .null, .array, .object: return nil
            }
        }
        return texts.joined(separator: ",")
    }

    /// The content of a file for `-var-file`.
    public static func file(_ values: some Encodable) throws -> [UInt8] {
        try CanonicalJSON.encode(values)
    }
}
