import OpenStackKit
import TestSupport
import Testing

/// Requests to a real Glance.
struct GlanceTests {
    private func client() async throws -> GlanceClient {
        GlanceClient(.releaser(try await OpenStack.shared()))
    }

    @Test("An image is created with its properties, uploaded, read back and deleted")
    func upload() async throws {
        let glance = try await client()
        var new = NewGlanceImage(name: "debian x86_64/ä", diskFormat: "raw")
        new.minDiskGiB = 2
        new.minMemoryMiB = 512
        new.isHidden = true
        new.properties = ["os_type": "linux", "build_at": "2026-11-21 16:20", "id": "ignored"]
        let created = try await glance.create(new)
        #expect(created.status == "queued")
        #expect(created.isHidden)
        let size = 3 << 20
        let seen = Progress()
        let image = try await glance.upload(created, PatternReader.body(sizeBytes: size)) {
            seen.set($0)
        }
        #expect(image.isActive)
        #expect(image.sizeBytes == Int64(size))
        #expect(image.name == "debian x86_64/ä")
        #expect(image.minDiskGiB == 2 && image.minMemoryMiB == 512)
        #expect(image.properties["os_type"] == "linux")
        #expect(seen.value == Int64(size))

        let sink = MemorySink()
        _ = try await glance.download(image.id, to: sink)
        #expect(sink.bytes == (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7) })
        #expect(try await glance.delete(image.id))
        #expect(try await !glance.delete(image.id))
        #expect(try await glance.image(image.id) == nil)
    }

    @Test("A change is made as a whole, or not at all") func atomicChange() async throws {
        let glance = try await client()
        let image = try await glance.fresh()
        let changed = try await glance.change(
            image.id,
            [
                .name("renamed"), .property("a/b~c", "one"), .property("os_distro", "debian"),
                .hidden(true), .minimum(diskGiB: 3, memoryMiB: 64),
            ])
        #expect(changed.name == "renamed")
        #expect(changed.properties["a/b~c"] == "one")
        #expect(changed.isHidden)
        // A member of the project may not publish images, so the name is not changed either.
        let refused = try await cloudError {
            try await glance.change(image.id, [.name("again"), .visibility("public")])
        }
        #expect(refused.code == .forbidden)
        #expect(refused.isPermanent)
        #expect(refused.requestID != nil)
        #expect(try await glance.image(image.id)?.name == "renamed")
        _ = try await glance.change(image.id, [.removeProperty("os_distro"), .protected(true)])
        #expect(try await glance.image(image.id)?.properties["os_distro"] == nil)
        let kept = try await cloudError { try await glance.delete(image.id) }
        #expect(kept.code == .forbidden)
        _ = try await glance.change(image.id, [.protected(false)])
        #expect(try await glance.delete(image.id))
    }

    @Test("A list holds the images of all its pages") func pages() async throws {
        let stack = try await OpenStack.shared()
        var limits = OpenStackLimits()
        limits.pageImages = 2
        let glance = GlanceClient(CloudSession(.releaser(stack), limits: limits))
        let mark = "mark-\(UInt64.random(in: 0 ... .max))"
        var ids: [String] = []
        for number in 0..<4 {
            var new = NewGlanceImage(name: "page \(number)", diskFormat: "raw")
            new.properties = ["mark": mark]
            ids.append(try await glance.create(new).id)
        }
        let found = try await glance.images([("mark", mark)])
        // Those of one second come in any order.
        #expect(Set(found.map(\.id)) == Set(ids))
        #expect(found.count == 4)
        #expect(try await glance.images([("mark", mark), ("name", "page 2")]).count == 1)
        #expect(try await glance.images([("mark", mark + "x")]).isEmpty)
        for id in ids { try await glance.delete(id) }
    }

    @Test("A shared image is seen by its member, and only the member can accept it")
    func members() async throws {
        let stack = try await OpenStack.shared()
        let glance = try await client()
        let customer = GlanceClient(.customer(stack))
        let project = try await customer.session.projectID()
        let image = try await glance.fresh()
        #expect(try await customer.image(image.id) == nil)
        try await glance.addMember(project, to: image.id)
        try await glance.addMember(project, to: image.id)
        #expect(try await customer.image(image.id)?.id == image.id)
        let refused = try await cloudError {
            try await glance.answer("accepted", as: project, to: image.id)
        }
        #expect(refused.code == .forbidden)
        try await customer.answer("accepted", as: project, to: image.id)
        let members = try await glance.members(image.id)
        #expect(members.map(\.projectID) == [project])
        #expect(members.map(\.status) == ["accepted"])
        _ = try await glance.change(image.id, [.visibility("private")])
        #expect(try await glance.members(image.id).isEmpty)
        try await glance.delete(image.id)
    }

    @Test("Versions are listed, and a Glance without quotas reports no usage")
    func versions() async throws {
        let glance = try await client()
        #expect(try await glance.service().versions.contains { $0.hasPrefix("v2.") })
        // No quotas are set here, for which Glance returns an empty list.
        #expect(try await glance.usage()?.measures.isEmpty ?? true)
    }

    @Test("An unknown disk format is a permanent error in plain text") func unknownFormat()
        async throws
    {
        let glance = try await client()
        let refused = try await cloudError {
            _ = try await glance.create(NewGlanceImage(name: "x", diskFormat: "floppy"))
        }
        #expect(refused.isPermanent)
        #expect(refused.status == 400)
        #expect(!refused.description.contains("<"))
    }
}
