import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

/// Packuilon's files, a server of profiles, and the installed programs.
@Suite(.timeLimit(.minutes(5))) struct ProfileTests {
    private func aibuild(_ farm: Farm, _ arguments: String) async throws -> String {
        let program = try FarmProgram.path("aibuild")
        return try await farm.shell(
            "AIBUILD_URL=\(farm.api.base) \(program) \(arguments) 2>&1 || echo \"exit $?\"")
    }

    private final class Site: Sendable {
        private let files = Mutex<[String: String]>([:])

        /// - Parameter revision: of the profile, and of its entry in the list.
        func put(_ names: [String], revision: Int) {
            files.withLock { files in
                files["profiles-info.xml"] =
                    "<?xml version='1.0' encoding='utf-8'?>\n<profiles>\n"
                    + names.map { "<profile mtime=\"\(revision)\">\($0)</profile>\n" }.joined()
                    + "</profiles>\n"
                for name in names {
                    files[name] = #"""
                        {"system": {"personality": {"name": "web"}, "revision": \#(revision),
                         "network": {"hostname": "\#(name.prefix { $0 != "." })"},
                         "os": {"architecture": "x86_64", "distribution": {"name": "sl"},
                                "version": {"name": "7x"}}}}
                        """#
                }
            }
        }

        func answer(_ request: HTTPRequest) -> HTTPResponse {
            let name = String(request.path.split(separator: "/").last ?? "")
            return files.withLock { $0[name] }.map { HTTPResponse(body: .bytes(Array($0.utf8))) }
                ?? HTTPResponse(status: 404)
        }
    }

    private static let template = #"""
        {
          "builders":
          [
            {
              "type": "file",
              "target": "{{ user `outdir` }}/image.raw",
              "content": "$NAME AQ of $IMAGE"
            }
          ],
          "variables": { $METADATA }
        }
        """#

    private func withFarm(_ body: (Farm, Site) async throws -> Void) async throws {
        let site = Site()
        let server = HTTPServer(host: "127.0.0.1", port: 0) { site.answer($0) }
        try server.start()
        let folder = try TemporaryFolder()
        for (name, text) in [
            (
                "template-map.json",
                #"{"DEFAULT": ["/etc/packer-utils/templates/managed.json"]}"#
            ),
            ("source-images.json", #"{"sl7x-x86_64": "0b10e583-9e13-4878-9116-f4002846fa73"}"#),
            ("managed.json", Self.template),
            ("aibuild.yml", "template: managed.json\nplaceholders: true\n"),
        ] {
            try Files.replace("\(folder.path)/\(name)", with: Array(text.utf8))
        }
        site.put(["image-a.cloud.template.json", "host1.example.org.json"], revision: 1)
        var setup = Farm.Setup()
        setup.coordinatorLines = [
            "profiles:",
            "  url: http://127.0.0.1:\(server.boundPort)/profiles/profiles-info.xml",
            "  match: .cloud.template.json",
            "  every: 10s",
            "  template_map: \(folder.path)/template-map.json",
            "  source_images: \(folder.path)/source-images.json",
        ]
        let result: Result<Void, any Error>
        do {
            try await TestSupport.withFarm(setup) { farm in
                // Whoever registers it gives values for builds that no profile requests.
                let added = try await aibuild(
                    farm,
                    "guestos add managed --type linux --template \(folder.path) --var NAME=manual "
                        + "--var IMAGE=none --var 'METADATA={\"AQ_PERSONALITY\": \"none\"}'")
                #expect(!added.contains("exit"), "\(added)")
                try await body(farm, site)
            }
            result = .success(())
        } catch { result = .failure(error) }
        await server.stop()
        try result.get()
    }

    @Test("A changed profile builds what Packuilon's map names, with its template as it is")
    func changed() async throws {
        try await withFarm { farm, site in
            try await eventually("the list was looked at") {
                try await aibuild(farm, "hooks").contains("profiles: 1 profiles, last look: 2")
            }
            site.put(["image-a.cloud.template.json", "host1.example.org.json"], revision: 2)
            try await eventually("the image is published", seconds: 120) {
                try await aibuild(farm, "show managed:1 --json")
                    .contains(#""state":"passed""#)
            }
            let image = try await farm.shell("cat \(farm.webRoot)/images/*/managed/*_1.raw")
            #expect(
                image == "image-a AQ of 0b10e583-9e13-4878-9116-f4002846fa73", "\(image)")
            let listed = try await aibuild(farm, "deliveries")
            #expect(
                listed.contains("profile image-a.cloud.template.json has changed"), "\(listed)")
            #expect(!listed.contains("host1"), "\(listed)")
            try await farm.stopCoordinator()
            try await farm.startCoordinator()
            try await eventually("the restarted one looked") {
                try await aibuild(farm, "hooks").contains("profiles: 1 profiles, last look: 2")
            }
            let after = try await aibuild(farm, "deliveries")
            #expect(after == listed, "\(after)")
        }
    }
}
