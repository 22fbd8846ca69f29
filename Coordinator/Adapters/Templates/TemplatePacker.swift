import BuildProtocol
import YAMLKit

/// The keys of `aibuild.yml` about how Packer is called.
enum TemplatePacker {
    private enum Override: String, CaseIterable { case override }

    static func options(_ yaml: YAMLMapping) throws(YAMLError) -> PackerOptions? {
        var options = PackerOptions()
        options.only = try patterns(yaml, "only")
        options.except = try patterns(yaml, "except")
        options.steps = try patterns(yaml, "steps")
        options.varFiles = try yaml.takeIfPresent("var_files", .list(of: .innerPath))
        if try yaml.takeIfPresent("accelerator", YAMLType<Override>.word) != nil {
            options.overridesAccelerator = true
        }
        guard options.only == nil || options.steps == nil else {
            throw yaml.error("steps", "replaces only: remove one of them")
        }
        let count = [options.only, options.except, options.steps, options.varFiles]
            .compactMap { $0?.count }.reduce(0, +)
        guard count <= ProtocolLimits.packerArguments else {
            throw yaml.error(
                "var_files",
                "only, except, steps and var_files have more than "
                    + "\(ProtocolLimits.packerArguments) entries together")
        }
        return options.isEmpty ? nil : options
    }

    private static func patterns(
        _ yaml: YAMLMapping, _ key: String
    ) throws(YAMLError) -> [String]? {
        let pattern = YAMLType<String>.string.checked { text in
            text.isEmpty || text.utf8.contains { $0 < 0x20 || $0 == 0x2C }
                ? "expected the name of a source, or a pattern; one in each entry" : nil
        }
        guard let list = try yaml.takeIfPresent(key, .list(of: pattern)) else { return nil }
        guard !list.isEmpty else { throw yaml.error(key, "expected at least one entry") }
        return list
    }
}
