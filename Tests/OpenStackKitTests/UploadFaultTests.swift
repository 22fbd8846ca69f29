import OpenStackKit
import Support
import TestSupport
import Testing

/// Faults during an upload, with services that are really killed. Serialized, because they share
/// what they break.
@Suite(.serialized) struct UploadFaultTests {
    private static let size = 24 << 20

    private func upload(
        _ glance: GlanceClient, _ image: GlanceImage, gate: Gate,
        _ inTheMiddle: () async throws -> Void
    ) async throws -> Result<GlanceImage, CloudError> {
        let task = Task { () async -> Result<GlanceImage, CloudError> in
            do throws(CloudError) {
                return .success(
                    try await glance.upload(
                        image, PatternReader.body(sizeBytes: Self.size, gate: gate)))
            } catch {
                return .failure(error)
            }
        }
        try await gate.reached()
        do { try await inTheMiddle() } catch {
            gate.open()
            throw error
        }
        gate.open()
        return await task.value
    }

    private func failure<T>(_ result: Result<T, CloudError>) throws -> CloudError {
        guard case .failure(let error) = result else { throw Failure("the upload went well") }
        return error
    }

    @Test("A bit that flips in transit fails the upload by its digest") func flippedBit()
        async throws
    {
        let stack = try await OpenStack.breakable()
        let proxy = try TCPProxy(to: stack.port(.glance1))
        try await stack.addRegion("Flip", imageURL: "http://127.0.0.1:\(proxy.port)")
        let glance = GlanceClient(.releaser(stack, region: "Flip"))
        // A bit of the length of a chunk breaks the connection instead; where chunks begin depends
        // on how busy the machine is.
        var error: CloudError
        var offset = 9 << 20
        repeat {
            let image = try await glance.fresh()
            proxy.flipBit(ofByte: offset)
            error = try await cloudError {
                _ = try await glance.upload(image, PatternReader.body(sizeBytes: Self.size))
            }
            offset += 1_001
        } while error.code == .unreachable && offset < (9 << 20) + 5_000
        #expect(error.code == .digest)
        #expect(!error.isPermanent)
        #expect(error.description.contains("changes bytes on the way"))
    }

    @Test("An image above image_size_cap is a permanent error, and its status stays queued")
    func sizeCap()
        async throws
    {
        let stack = try await OpenStack.breakable()
        let glance = GlanceClient(.releaser(stack, region: "RegionTwo"))
        let image = try await glance.fresh()
        let error = try await cloudError {
            _ = try await glance.upload(image, PatternReader.body(sizeBytes: 80 << 20))
        }
        #expect(error.code == .tooLarge, "\(error)")
        #expect(error.isPermanent)
        #expect(error.description.contains("image_size_cap"))
        #expect(!error.description.contains("<"))
        #expect(try await glance.image(image.id)?.status == "queued")
    }

    @Test("An image that is deleted during its upload is reported as gone")
    func deleted() async throws {
        let stack = try await OpenStack.breakable()
        let glance = GlanceClient(.releaser(stack))
        let image = try await glance.fresh()
        let result = try await upload(glance, image, gate: Gate(at: Self.size / 2)) {
            try await glance.delete(image.id)
        }
        #expect(try failure(result).code == .gone)
    }

    @Test("A token that is revoked during an upload does not fail it") func revokedToken()
        async throws
    {
        let stack = try await OpenStack.breakable()
        // This Glance validates every token with Keystone.
        let glance = GlanceClient(.releaser(stack, region: "RegionTwo"))
        let image = try await glance.fresh()
        let result = try await upload(glance, image, gate: Gate(at: Self.size / 2)) {
            try await stack.revoke(token: try await glance.session.currentToken())
        }
        // Checking the image afterwards needed another login.
        #expect(try result.get().isActive)
        try await glance.delete(image.id)
    }

    @Test("A token that expires during an upload does not fail it") func expiredToken() async throws
    {
        let stack = try await OpenStack.breakable()
        var login = CloudLogin.releaser(stack, region: "RegionTwo")
        login.authURL = stack.briefKeystoneURL
        let glance = GlanceClient(login)
        let image = try await glance.fresh()
        var old = ""
        let result = try await upload(glance, image, gate: Gate(at: Self.size / 2)) {
            // Not older than the upload's.
            old = try await glance.session.currentToken()
            #expect(try await stack.takes(token: old))
            try await eventually("the token has expired", seconds: 60) {
                try await !stack.takes(token: old)
            }
        }
        #expect(try result.get().isActive)
        #expect(try await glance.session.currentToken() != old)
        try await glance.delete(image.id)
    }

    @Test("An upload beyond the quota of the project fails for good") func quota() async throws {
        let stack = try await OpenStack.breakable()
        // The images of the other tests are not in this project.
        var login = CloudLogin.releaser(stack, region: "RegionTwo")
        login.project = .name("staging", domain: .name("Default"))
        let glance = GlanceClient(login)
        let body = PatternReader.body(sizeBytes: 60 << 20)
        let first = try await glance.fresh()
        _ = try await glance.upload(first, body)
        let second = try await glance.fresh()
        let error = try await cloudError { _ = try await glance.upload(second, body) }
        #expect(error.code == .tooLarge, "\(error)")
        #expect(error.isPermanent)
        #expect(error.description.contains("raise the project's quota"))
        #expect(!error.description.contains("<"))
        // Once there is room again, the same image accepts the data.
        try await glance.delete(first.id)
        let small = PatternReader.body(sizeBytes: 1000)
        #expect(try await glance.upload(second, small).isActive)
        try await glance.delete(second.id)
    }

    @Test("An image that a killed Glance left cannot be uploaded again, a new one can")
    func killedGlance() async throws {
        let stack = try await OpenStack.breakable()
        var limits = OpenStackLimits()
        limits.settleSeconds = 1
        let glance = GlanceClient(
            CloudSession(.releaser(stack, region: "RegionTwo"), limits: limits))
        let image = try await glance.fresh()
        let result = try await upload(glance, image, gate: Gate(at: Self.size / 2)) {
            try await eventually("Glance has begun to take it", seconds: 60) {
                try await glance.image(image.id)?.status == "saving"
            }
            try await stack.kill(.glance2)
        }
        let killed = try failure(result)
        #expect(killed.code == .unreachable, "\(killed)")
        #expect(!killed.isPermanent)
        try await stack.start(.glance2)
        let stuck = try await cloudError {
            _ = try await glance.upload(image, PatternReader.body(sizeBytes: 1000))
        }
        #expect(stuck.code == .stuck, "\(stuck)")
        try await glance.delete(image.id)
        let second = try await glance.fresh()
        let done = try await glance.upload(second, PatternReader.body(sizeBytes: Self.size))
        #expect(done.isActive)
        try await glance.delete(second.id)
    }

    @Test("A Keystone that is down is worth a retry, and is not a wrong password")
    func lostKeystone() async throws {
        let stack = try await OpenStack.breakable()
        let glance = GlanceClient(.releaser(stack, region: "RegionTwo"))
        #expect(try await glance.image("none") == nil)
        try await stack.kill(.keystone)
        // Glance cannot validate the token, and reports it as invalid.
        let error = try await cloudError { _ = try await glance.image("none") }
        #expect(error.code == .unreachable || error.code == .server, "\(error)")
        #expect(!error.isPermanent)
        try await stack.start(.keystone)
        try await eventually("Glance asks Keystone again", seconds: 60) {
            (try? await glance.image("none")) == .some(nil)
        }
    }

    @Test("A cancelled upload ends at once, and Glance queues the image again")
    func cancel() async throws {
        let stack = try await OpenStack.breakable()
        let glance = GlanceClient(.releaser(stack))
        let image = try await glance.fresh()
        let gate = Gate(at: Self.size / 2)
        let task = Task {
            _ = try await glance.upload(
                image, PatternReader.body(sizeBytes: Self.size, gate: gate))
        }
        try await gate.reached()
        task.cancel()
        gate.open()
        let error = try await cloudError { try await task.value }
        #expect(error.code == .cancelled)
        try await eventually("Glance notices that nobody sends any more") {
            try await glance.image(image.id)?.status == "queued"
        }
        try await glance.delete(image.id)
    }
}
