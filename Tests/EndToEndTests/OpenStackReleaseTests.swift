import FoundationEssentials
import HTTPClientKit
import Support
import TestSupport
import Testing

/// From a build to an image in a real Glance, through the public API.
@Suite struct OpenStackReleaseTests {
    @Test("A release to an unreachable cloud is retried and delays no other")
    func unreachableCloudDelaysNoOther() async throws {
        let stack = try await OpenStack.shared()
        try await withFarm { farm in
            try await farm.addCloud("lab", stack, project: "release")
            try await farm.addCloud("raw", stack, project: "staging", more: #","format":"raw""#)
            try await farm.addCloud("away", keystone: "http://127.0.0.1:9/v3")
            let build = try await farm.imageBuild()
            let releases = try await farm.release(build, to: ["lab", "raw", "away"])
            let lab = try await farm.end(releases[0])
            let raw = try await farm.end(releases[1])
            #expect(lab.state == "released", "\(lab)")
            #expect(raw.state == "released", "\(raw)")
            let images = try await stack.images(of: build.id)
            #expect(images.map(\.id) == [lab.remoteID].compactMap(\.self))
            #expect(images.first?.name == "\(build.guestOS)x86_64")
            // An unreachable target is retried, and its status says so; the others did not wait for
            // it.
            let away: FarmRelease = try await eventually("the third was tried", seconds: 120) {
                let release = try await farm.view(releases[2])
                return release.fault == nil ? nil : release
            }
            #expect(away.fault?.contains("127.0.0.1:9") == true)
            #expect(["queued", "running"].contains(away.state))
            let cancelled = try await farm.api.send(
                "POST", "/api/v1/releases/\(away.id)/cancel")
            #expect(cancelled.status == 202)
        }
    }

    /// A release whose upload to Glance stalls midway.
    private struct HeldUpload {
        let farm: Farm
        let stack: OpenStack
        let build: FarmBuild
        let release: FarmRelease
        let proxy: TCPProxy

        func resume() { proxy.hold(fromByte: nil) }
    }

    private func withHeldUpload(_ body: (HeldUpload) async throws -> Void) async throws {
        let stack = try await OpenStack.shared()
        let proxy = try TCPProxy(to: stack.port(.glance1))
        let region = "Held\(proxy.port)"
        try await stack.addRegion(region, imageURL: "http://127.0.0.1:\(proxy.port)")
        try await withFarm { farm in
            try await farm.addCloud("lab", stack, project: "release", region: region)
            let build = try await farm.imageBuild()
            proxy.hold(fromByte: 4 << 20)
            let release = try await farm.release(build, to: ["lab"])[0]
            try await eventually("the upload is in its middle", seconds: 120) {
                (try await farm.view(release).progress?.doneBytes ?? 0) > 0
            }
            try await body(
                HeldUpload(farm: farm, stack: stack, build: build, release: release, proxy: proxy))
        }
    }

    @Test("A coordinator killed during an upload releases the image once")
    func killDuringUploadReleasesOnce() async throws {
        try await withHeldUpload { upload in
            upload.farm.coordinator?.kill()
            upload.resume()
            try await upload.farm.startCoordinator(keepingPort: true)
            let released = try await upload.farm.end(upload.release)
            #expect(released.state == "released", "\(released)")
            #expect(released.attemptCount == 2)
            let images = try await upload.stack.images(of: upload.build.id)
            #expect(images.map(\.id) == [released.remoteID].compactMap(\.self))
            #expect(images.map(\.status) == ["active"])
        }
    }

    @Test("A cancelled release leaves no image")
    func cancelledReleaseLeavesNoImage() async throws {
        try await withHeldUpload { upload in
            let answer = try await upload.farm.api.send(
                "POST", "/api/v1/releases/\(upload.release.id)/cancel")
            #expect(answer.status == 202)
            let cancelled = try await upload.farm.end(upload.release)
            #expect(cancelled.state == "cancelled", "\(cancelled)")
            upload.resume()
            #expect(try await upload.stack.images(of: upload.build.id).isEmpty)
        }
    }

    @Test("An environment with a wrong cloud password is refused")
    func wrongCloudPasswordIsRefused() async throws {
        let stack = try await OpenStack.shared()
        try await withFarm { farm in
            let answer = try await farm.api.send(
                "POST", "/api/v1/environments",
                json: farm.cloud("lab", stack.keystoneURL, password: "guess"))
            #expect(answer.status == 409)
            let problem = try farm.api.problem(answer)
            #expect(problem.detail.contains("name nor password of user releaser"))
            #expect(!FarmClient.text(answer).contains("guess"))
        }
    }
}

/// A release in the API.
struct FarmRelease: Decodable, Sendable {
    struct Progress: Decodable, Sendable { var doneBytes: Int64 }
    var id, state: String
    var remoteID, fault: String?
    var attemptCount: Int
    var progress: Progress?
}

/// An image as Glance lists it.
struct CloudImage: Decodable, Sendable {
    var id, name, status, disk_format: String
}

extension OpenStack {
    /// Images of a build in the project `release`, including hidden ones.
    func images(of build: String) async throws -> [CloudImage] {
        struct List: Decodable { var images: [CloudImage] }
        var found: [CloudImage] = []
        for hidden in ["false", "true"] {
            let body = try await asReleaser(
                "/v2/images?aibuild_imgid=\(build)&os_hidden=\(hidden)")
            found += try JSONDecoder().decode(List.self, from: Data(body)).images
        }
        return found
    }
}

extension Farm {
    func cloud(
        _ name: String, _ keystone: String, project: String = "release",
        region: String = "RegionOne", password: String = "releaser-secret", more: String = ""
    ) -> String {
        #"{"name":"\#(name)","secret":"\#(password)","settings":{"openstack":{"#
            + #""authURL":"\#(keystone)","project":"\#(project)","username":"releaser","#
            + #""region":"\#(region)"\#(more)}}}"#
    }

    func addCloud(
        _ name: String, _ stack: OpenStack, project: String, region: String = "RegionOne",
        more: String = ""
    ) async throws {
        let answer = try await api.send(
            "POST", "/api/v1/environments",
            json: cloud(name, stack.keystoneURL, project: project, region: region, more: more))
        #expect(answer.status == 201, "\(FarmClient.text(answer))")
    }

    /// A port on which nothing listens.
    func addCloud(_ name: String, keystone: String) async throws {
        let json = String(cloud(name, keystone).dropLast()) + #","unchecked":true}"#
        let answer = try await api.send("POST", "/api/v1/environments", json: json)
        #expect(answer.status == 201, "\(FarmClient.text(answer))")
    }

    /// A passed build of a qcow2 image of some 24 MiB.
    func imageBuild() async throws -> FarmBuild {
        let name = "os\(UInt32.random(in: .min ... .max))"
        try await script(
            name,
            """
            head -c 24000000 /dev/urandom >disk.raw
            qemu-img convert -f raw -O qcow2 disk.raw "$AIBUILD_OUTPUT/disk.qcow2"
            """, yaml: "requirements: {memory: 64MiB, disk: 256MiB}\n")
        let build = try await api.end(of: try await api.submit(name))
        #expect(build.state == "passed", "\(build)")
        return build
    }

    func release(_ build: FarmBuild, to names: [String]) async throws -> [FarmRelease] {
        let list = names.map { "\"\($0)\"" }.joined(separator: ",")
        let answer = try await api.send(
            "POST", "/api/v1/releases",
            json: #"{"build":"\#(build.id)","environments":[\#(list)]}"#)
        guard answer.status == 201 else { throw Failure(FarmClient.text(answer)) }
        return try FarmClient.decode(FarmList<FarmRelease>.self, answer).items
    }

    func view(_ release: FarmRelease) async throws -> FarmRelease {
        let answer = try await api.get("/api/v1/releases/\(release.id)")
        guard answer.status == 200 else { throw Failure(FarmClient.text(answer)) }
        return try FarmClient.decode(FarmRelease.self, answer)
    }

    func end(_ release: FarmRelease) async throws -> FarmRelease {
        try await eventually(
            "release \(release.id) ends", seconds: 240, everyMilliseconds: 50
        ) {
            let now = try await view(release)
            return ["released", "failed", "cancelled"].contains(now.state) ? now : nil
        }
    }
}
