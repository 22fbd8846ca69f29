import HTTPClientKit
import OpenStackKit
import Support
import TestSupport
import Testing

/// Uploads into clouds that real Glances of today are not: old ones, those that import only, those
/// behind a proxy.
struct OlderCloudTests {
    private static let size = 3 << 20

    private func glance(
        _ change: (inout FakeCloud.Settings) -> Void
    ) async throws -> (FakeCloud, GlanceClient) {
        let cloud = try await FakeCloud.start(change)
        var limits = OpenStackLimits()
        limits.settleSeconds = 10
        let login = CloudLogin(
            authURL: cloud.url + "/identity", username: FakeCloud.user,
            password: FakeCloud.password, project: FakeCloud.project)
        return (cloud, GlanceClient(CloudSession(login, limits: limits)))
    }

    private func fresh(_ glance: GlanceClient, _ format: String = "raw") async throws -> GlanceImage
    {
        var image = NewGlanceImage(name: "test", diskFormat: format)
        image.isHidden = true
        return try await glance.create(image)
    }

    private var body: UploadBody { PatternReader.body(sizeBytes: Self.size) }

    @Test("Before Rocky, an image is visible at once and compared by its MD5 checksum")
    func beforeRocky() async throws {
        let (cloud, glance) = try await glance { $0.isRocky = false }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        #expect(!image.canHide)
        #expect(image.hiding(true).isEmpty)
        let stored = try await glance.upload(image, body)
        #expect(stored.isActive)
        #expect(stored.digest?.algorithm == "md5")
        try await glance.verify(stored, as: "raw", body)
        let other = UploadBody(sizeBytes: Int64(Self.size)) { BytesReaderOfZeros(Self.size) }
        let error = try await cloudError { try await glance.verify(stored, as: "raw", other) }
        #expect(error.code == .digest)
        #expect(error.description.contains("md5"))
    }

    @Test("A cloud that forbids uploads gets the image by a staged import")
    func stagedImport() async throws {
        let (cloud, glance) = try await glance {
            $0.forbidsUpload = true
            $0.imports = ["web-download", "glance-direct"]
            $0.delaySeconds = 0.5
        }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        #expect(try await glance.upload(image, body).isActive)
        #expect(await glance.session.importMethodName() == "glance-direct")
        // The second one is not tried the other way first.
        let second = try await fresh(glance)
        #expect(try await glance.upload(second, body).isActive)
        #expect(cloud.requests.filter { $0.hasSuffix("/file") }.count == 1)
        #expect(cloud.requests.filter { $0.hasSuffix("/stage") }.count == 2)
    }

    @Test("A cloud that only downloads needs an address, and is said to")
    func downloadOnly() async throws {
        let (cloud, glance) = try await glance {
            $0.forbidsUpload = true
            $0.imports = ["web-download"]
        }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        let error = try await cloudError { _ = try await glance.upload(image, body) }
        #expect(error.code == .downloadOnly)
        #expect(error.isPermanent)
    }

    @Test("Without any import, a forbidden upload stays forbidden") func forbidden() async throws {
        let (cloud, glance) = try await glance { $0.forbidsUpload = true }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        let error = try await cloudError { _ = try await glance.upload(image, body) }
        #expect(error.code == .forbidden)
        #expect(error.description.contains("upload_image is disallowed"))
    }

    @Test("A failed import is reported with Glance's own words") func failedImport() async throws {
        let (cloud, glance) = try await glance {
            $0.forbidsUpload = true
            $0.imports = ["glance-direct"]
            $0.importFault = "Store ceph is full"
        }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        let error = try await cloudError { _ = try await glance.upload(image, body) }
        #expect(error.code == .stuck)
        #expect(error.description.contains("Store ceph is full"), "\(error)")
    }

    @Test(
        "An image that becomes active some time after its upload is waited for",
        arguments: [nil, 0])
    func lateImage(size: Int?) async throws {
        let (cloud, glance) = try await glance {
            $0.delaySeconds = 1
            $0.unfinishedSize = size
        }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        let stored = try await glance.upload(image, body)
        #expect(stored.isActive && stored.sizeBytes == Int64(Self.size) && stored.digest != nil)
    }

    @Test("An image that stays unfinished is an error that may pass") func unfinished() async throws
    {
        let (cloud, glance) = try await glance { $0.delaySeconds = 3600 }
        defer { withExtendedLifetime(cloud) {} }
        var limits = OpenStackLimits()
        limits.settleSeconds = 0.2
        let impatient = GlanceClient(CloudSession(glance.session.login, limits: limits))
        let image = try await fresh(impatient)
        let error = try await cloudError { _ = try await impatient.upload(image, body) }
        #expect(error.code == .unfinished)
        #expect(!error.isPermanent)
        #expect(error.description.contains("its status is 'queued'"), "\(error)")
    }

    @Test("A cloud that converts images is found out, and the format to set is named")
    func conversion() async throws {
        let (cloud, glance) = try await glance { $0.converts = true }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance, "qcow2")
        let error = try await cloudError { _ = try await glance.upload(image, body) }
        #expect(error.code == .converted)
        #expect(error.isPermanent)
        #expect(error.description.contains("--format raw"))
        let raw = try await fresh(glance, "raw")
        #expect(try await glance.upload(raw, body).isActive)
    }

    @Test("A proxy's refusal of a large body names the proxy, not the quota")
    func proxyLimit() async throws {
        let (cloud, glance) = try await glance { $0.bodyLimit = 1 << 20 }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        let error = try await cloudError { _ = try await glance.upload(image, body) }
        #expect(error.code == .tooLarge)
        #expect(error.description.contains("proxy"), "\(error)")
        #expect(error.description.contains("client_max_body_size"))
        #expect(!error.description.contains("quota"))
        #expect(!error.description.contains("<"))
    }

    @Test("A proxy that refuses Expect gets the upload without it") func refusedExpect()
        async throws
    {
        let (cloud, glance) = try await glance { $0.refusesExpect = true }
        defer { withExtendedLifetime(cloud) {} }
        let image = try await fresh(glance)
        #expect(try await glance.upload(image, body).isActive)
    }
}

/// As many bytes, and other ones.
private final class BytesReaderOfZeros: ByteReader {
    private var left: Int

    init(_ count: Int) { left = count }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(left, buffer.count)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        left -= count
        return count
    }
}
