import BuildProtocol
import YAMLKit

/// `artifacts:` and `image:` of `aibuild.yml`: what a build leaves.
enum TemplateArtifacts {
    static func rules(_ yaml: YAMLMapping) throws(YAMLError) -> [ArtifactRule]? {
        guard let items = try yaml.takeIfPresent("artifacts", .list(of: .mapping)) else {
            return nil
        }
        guard (1...ProtocolLimits.artifactsPerAttempt).contains(items.count) else {
            throw yaml.error(
                "artifacts",
                "expected 1 to \(ProtocolLimits.artifactsPerAttempt) entries, each with files and "
                    + "kind")
        }
        var rules: [ArtifactRule] = []
        for item in items {
            rules.append(
                ArtifactRule(
                    files: FilePattern(try item.take("files", pattern)),
                    kind: try item.take("kind", .word)))
        }
        return rules
    }

    static func image(_ yaml: YAMLMapping) throws(YAMLError) -> FilePattern? {
        try yaml.takeIfPresent("image", pattern).map { FilePattern($0) }
    }

    private static var pattern: YAMLType<String> { .string.checked { FilePattern.problem($0) } }
}
