import BuildProtocol
import PackerKit
import YAMLKit

/// The keys of `aibuild.yml` about how Packer is called.
enum TemplatePacker {
    static func options(
        _ yaml: YAMLMapping, template: String
    ) throws(YAMLError) -> PackerOptions? {
        var options = PackerOptions()
        options.only = try patterns(yaml, TemplateKeys.only)
        options.except = try patterns(yaml, TemplateKeys.except)
        options.steps = try patterns(yaml, TemplateKeys.steps)
        options.varFiles = try yaml.takeIfPresent(TemplateKeys.varFiles)
        if try yaml.takeIfPresent(TemplateKeys.accelerator) != nil {
            options.overridesAccelerator = true
        }
        if try yaml.take(TemplateKeys.placeholders, default: false) {
            guard template.hasSuffix(".json"), !PackerTemplate.isHCL(template) else {
                throw yaml.error(
                    TemplateKeys.placeholders, "is allowed only with a template in JSON (*.json)")
            }
            options.placeholders = true
        }
        guard options.only == nil || options.steps == nil else {
            throw yaml.error(TemplateKeys.steps, "replaces only: remove one of them")
        }
        let count = [options.only, options.except, options.steps, options.varFiles]
            .compactMap { $0?.count }.reduce(0, +)
        guard count <= ProtocolLimits.packerArguments else {
            throw yaml.error(
                TemplateKeys.varFiles,
                "only, except, steps and var_files have more than "
                    + "\(ProtocolLimits.packerArguments) entries together")
        }
        return options.isEmpty ? nil : options
    }

    private static func patterns(
        _ yaml: YAMLMapping, _ key: YAMLKey<[String]>
    ) throws(YAMLError) -> [String]? {
        guard let list = try yaml.takeIfPresent(key) else { return nil }
        guard !list.isEmpty else { throw yaml.error(key, "expected at least one entry") }
        return list
    }
}
