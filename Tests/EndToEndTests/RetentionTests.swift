import HTTPClientKit
import HTTPTypes
import Support
import TestSupport
import Testing

/// What retention deletes, in the real store and web root and in the API.
@Suite struct RetentionTests {
    @Test("Removed images answer 410 Gone and leave no file")
    func removedImagesAreGone() async throws {
        let setup = Farm.Setup {
            $0.coordinatorLines = ["retention: {good_images: 1, grace: 0s}"]
        }
        try await withFarm(setup) { farm in
            let builds = try await farm.imageBuilds(3)
            let pin = try await farm.api.send("POST", "/api/v1/builds/debian:1/pin")
            #expect(FarmClient.text(pin).contains(#""pinned":true"#))
            let planned = try await farm.api.get("/api/v1/retention")
            #expect(FarmClient.text(planned).contains("debian keeps its newest 1 images"))
            let images = try builds.map { try #require($0.image) }
            #expect(try await farm.api.get("/" + images[1].path).status == 200)

            #expect(try await farm.api.send("POST", "/api/v1/retention").status == 200)
            let gone = try await farm.api.get("/" + images[1].path)
            #expect(gone.status == 410)
            #expect(try farm.api.problem(gone).detail.contains("The retention policy removed"))
            #expect(try await farm.api.get("/api/v1/builds/debian:2/log").status == 410)
            for image in [images[0], images[2]] {
                #expect(try await farm.api.get("/" + image.path).status == 200)
            }
            #expect(try await farm.api.get("/images/build/debian/none.raw").status == 404)
            let place = "\(farm.webRoot)/images/build/debian"
            let names = try Files.list(place)
            #expect(!names.contains { $0.hasPrefix(".") || $0.contains("_2.") })
            let sums = try Files.read(place + "/SHA256SUMS", limitBytes: 1 << 16)
            #expect(!String(decoding: sums, as: UTF8.self).contains(images[1].name))
            let late = try await farm.api.send("POST", "/api/v1/builds/debian:2/pin")
            #expect(late.status == 409)
            #expect(try await farm.api.build(builds[1].id).state == "passed", "its row stays")
        }
    }
}
