import HTTPClientKit
import Support
import TestSupport
import Testing
import TextKit

/// Base images that their publisher replaces under the same address.
@Suite(.timeLimit(.minutes(2))) struct BaseImageTests {
    @Test("Each build records the digest that the checksum file had when it was submitted")
    func movingImage() async throws {
        var setup = Farm.Setup.withoutHosts
        setup.coordinatorLines = ["base_image_networks: [127.0.0.1]"]
        try await withFarm(setup) { farm in
            let folder = "\(farm.webRoot)/images/isos"
            try Files.makeFolder(folder)
            let place = "\(farm.api.base)/images/isos"
            func publish(_ digest: String) throws {
                try Files.replace(
                    folder + "/SHA256SUMS", with: Array("\(digest)  d.qcow2\n".utf8))
            }
            let digests = ["1b", "2c"].map { String(repeating: $0, count: 32) }
            try publish(digests[0])
            try await farm.script(
                "debian", Scripts.image(),
                yaml: "base_image: {url: '\(place)/d.qcow2', sha256_url: '\(place)/SHA256SUMS'}\n")
            for (index, digest) in digests.enumerated() {
                try publish(digest)
                let build = try await farm.api.submit("debian")
                #expect(build.number == index + 1)
            }
            for (index, digest) in digests.enumerated() {
                let detail = try await farm.api.get("/api/v1/builds/debian:\(index + 1)")
                let image = try JSON(parsing: detail.body)["plan"]?["recipe"]?["baseImage"]
                #expect(image?["sha256"]?.text == digest)
                #expect(image?["checksumURL"]?.text == place + "/SHA256SUMS")
                let shown = try await farm.aibuild(["show", "debian:\(index + 1)"]).out
                #expect(shown.contains("SHA-256 \(digest)"), "\(shown)")
                #expect(shown.contains("\(place)/SHA256SUMS"))
            }
        }
    }
}
