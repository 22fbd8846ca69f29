import CoordinatorAdapters
import CoordinatorCore
import Support
import TextKit
import YAMLKit

/// `profiles:` in coordinator.yml: a list of profiles, and what they build.
enum ProfileSettings {
    enum FirstLook: String, CaseIterable { case remember, build }

    static func settings(_ yaml: YAMLMapping) throws -> HTTPProfiles.Settings {
        let url = try yaml.take("url", plainURL)
        var folder = try yaml.take(
            "folder_url", plainURL,
            default: url.pathSegments.dropLast().joined(separator: "/"))
        while folder.hasSuffix("/") { folder.removeLast() }
        return HTTPProfiles.Settings(
            url: url, folderURL: folder, match: try yaml.take("match", .string, default: ""),
            everySeconds: try yaml.take("every", every, default: 300),
            buildsAtFirst: try yaml.take(
                "first_look", YAMLType<FirstLook>.word, default: .remember) == .build,
            templateMap: try yaml.take("template_map", .existingFile),
            sourceImages: try yaml.take("source_images", .existingFile),
            metadata: try yaml.take(
                "metadata", .list(of: YAMLType<ProfileMetadata>.word),
                default: ProfileMetadata.usual))
    }

    /// Everybody who may see the hooks sees it.
    private static var plainURL: YAMLType<String> {
        Configuration.webURL.checked { url in
            let host = url.pathSegments.dropFirst(2).first ?? ""
            return host.isEmpty || host.utf8.contains(UInt8(ascii: "@"))
                ? "expected an address with a host, and without a user or password" : nil
        }
    }

    private static var every: YAMLType<Int> {
        .durationSeconds.checked { (10...86_400).contains($0) ? nil : "expected 10s to 24h" }
    }
}
