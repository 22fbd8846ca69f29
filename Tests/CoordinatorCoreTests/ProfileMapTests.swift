import CoordinatorCore
import Testing

/// Which guest OSes a profile builds.
@Suite struct ProfileMapTests {
    private let profile = ImageProfile(
        personality: "web", os: "sl", version: "7x", architecture: "x86_64", hostname: "image-a",
        archetype: "tier1", domain: "prod")

    private func map(
        _ templates: String, _ images: String = #"{"sl7x-x86_64": "id"}"#,
        _ metadata: [ProfileMetadata] = ProfileMetadata.usual
    ) throws(ProfileFault) -> ProfileMap {
        try ProfileMap(
            templateMap: Array(templates.utf8), sourceImages: Array(images.utf8),
            metadata: metadata)
    }

    @Test(
        "The host's own entry comes first, then its personality and system, then DEFAULT",
        arguments: [
            (#"{"DEFAULT": ["d"], "web-sl7x-x86_64": ["p"], "image-a": ["h"]}"#, ["h"]),
            (#"{"DEFAULT": ["d"], "web-sl7x-x86_64": ["p"]}"#, ["p"]),
            (
                #"{"DEFAULT": ["/t/unmanaged.json", "/t/managed.json", "/u/managed.json"]}"#,
                ["unmanaged", "managed"]
            ),
        ])
    func order(templates: String, guestOSes: [String]) throws {
        #expect(try map(templates).builds(of: profile).guestOSes == guestOSes)
    }

    @Test("What is missing is the reason why nothing is built")
    func missing() throws {
        func reason(_ templates: String, _ images: String = #"{"sl7x-x86_64": "id"}"#) -> String? {
            #expect(throws: ProfileFault.self) { try map(templates, images).builds(of: profile) }?
                .description
        }
        #expect(
            reason(#"{"x": ["d"]}"#)
                == "template_map has neither 'image-a' nor 'web-sl7x-x86_64' nor DEFAULT")
        #expect(reason(#"{"DEFAULT": ["d"]}"#, "{}") == "source_images has no 'sl7x-x86_64'")
        #expect(reason("[]") == "template_map: the file is no JSON object")
        #expect(
            reason(#"{"DEFAULT": "d"}"#)
                == "template_map: 'DEFAULT': expected a list of templates")
        #expect(reason(#"{"DEFAULT": ["a b"]}"#)?.hasPrefix("template_map: 'DEFAULT': ") == true)
        #expect(
            reason(#"{"DEFAULT": ["d"]}"#, #"{"sl": 7}"#)
                == "source_images: 'sl': expected an image, or images by version")
    }

    @Test("More may be told to the machine than Packuilon's worker did")
    func metadata() throws {
        let builds = try map(
            #"{"DEFAULT": ["d"]}"#, #"{"sl7x-x86_64": "id"}"#, [.archetype, .domain]
        )
        .builds(of: profile)
        #expect(
            builds.variables["METADATA"] == #"{"AQ_ARCHETYPE":"tier1","AQ_DOMAIN":"prod"}"#)
    }
}
