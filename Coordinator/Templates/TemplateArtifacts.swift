import BuildProtocol
import YAMLKit

/// `artifacts:` and `image:` of `aibuild.yml`: what a build leaves.
enum TemplateArtifacts {
    static func rules(_ yaml: YAMLMapping) throws(YAMLError) -> [ArtifactRule]? {
        guard let items = try yaml.takeIfPresent(TemplateKeys.artifacts) else {
            return nil
        }
        guard (1...ProtocolLimits.artifactsPerAttempt).contains(items.count) else {
            throw yaml.error(
                TemplateKeys.artifacts,
                "expected 1 to \(ProtocolLimits.artifactsPerAttempt) entries, each with files and "
                    + "kind")
        }
        var rules: [ArtifactRule] = []
        for item in items {
            rules.append(
                ArtifactRule(
                    files: FilePattern(try item.take(TemplateKeys.Artifact.files)),
                    kind: try item.take(TemplateKeys.Artifact.kind)))
        }
        return rules
    }

    /// - Returns: the pattern, or that the build is to leave nothing.
    static func image(
        _ yaml: YAMLMapping, _ builder: Builder
    ) throws(YAMLError) -> (pattern: FilePattern?, isNone: Bool) {
        guard let text = try yaml.takeIfPresent(TemplateKeys.imageFile) else { return (nil, false) }
        guard text == none else { return (FilePattern(text), false) }
        guard case .command = builder else {
            throw yaml.error(TemplateKeys.imageFile, "'\(none)' is only used with builder: command")
        }
        return (nil, true)
    }

    private static let none = "none"
}
