import CoordinatorCore
import HTTPClientKit
import OpenStackKit
import Synchronization

/// One release of an image to Glance. Each step inspects what exists and does what is missing, so
/// that an interrupted attempt is simply repeated:
///
/// 1. the image is created under a name of its own, hidden; the name goes into the journal before
///    and its id after it,
/// 2. it is uploaded, and what arrived is compared with what was read,
/// 3. the environment's hook, if it has one, must succeed; then the image is shared with the
///    members of the environment, and with those of the previous images,
/// 4. the previous images go into the journal,
/// 5. it gets the name and, in the same call, the visibility,
/// 6. the previous images are renamed, and the oldest warehoused ones are deleted.
struct OpenStackRelease {
    let order: ReleaseOrder
    let settings: OpenStackSettings
    let glance: GlanceClient
    let steps: any ReleaseSteps
    let hook: ReleaseHook

    private var shelf: ImageShelf { ImageShelf(order, glance) }

    enum Key {
        /// The name under which it is created. Noted before, because the response may be lost.
        static let creating = "creating"
        static let image = "image"
        /// Ids, separated by commas.
        static let previous = "previous"
    }

    /// The interval of progress reports.
    private static let progressMilliseconds = 500

    func run() async throws -> ReleaseResult {
        let shelf = shelf
        let source = try ImageFile(order, settings)
        var journal = order.journal
        let current = try await filled(source, &journal)
        // An image that has the name has passed the hook before.
        if current.name != shelf.name {
            try await hook.run(
                settings.hook, order, image: current.id, cloud: settings.variables(order.secret),
                steps)
        }

        let contents = try await shelf.contents()
        let before = try await previous(contents.ours, journal, except: current.id)
        var notes = try await share(current, before)
        journal[Key.previous] = before.map(\.id).joined(separator: ",")
        try await steps.record(journal)

        await steps.progress("taking the name", doneBytes: 0, totalBytes: 0)
        try await glance.change(
            current.id,
            [.name(shelf.name)] + current.hiding(false)
                + [.visibility(settings.visibility.rawValue)])
        var retired = contents.retired
        for image in before where image.name == shelf.name {
            retired.append(try await shelf.warehouse(image))
        }
        if let other = contents.others.first {
            notes.append(
                "there is another image called \(shelf.name) (\(other.id)) that aibuild did not "
                    + "make: who asks for the name finds two; rename or delete it")
        }
        let tooMany = retired.sorted(by: ImageShelf.isNewer).dropFirst(settings.keep)
        notes += try await shelf.delete(Array(tooMany))
        return ReleaseResult(remoteID: current.id, notes: notes)
    }

    /// The image with all its data: that of an earlier attempt if it is intact.
    private func filled(
        _ source: ImageFile, _ journal: inout [String: String]
    ) async throws -> GlanceImage {
        if let image = try await started() {
            journal[Key.image] = image.id
            // An image that has the name was compared before.
            if image.isActive, image.name == shelf.name { return image }
            if try await isWhole(image, source) { return image }
            if image.status == "queued" {
                try await steps.record(journal)
                return try await upload(image, source)
            }
            // Left by a Glance that was killed in the middle, and never accepts data again; or
            // damaged.
            try await glance.delete(image.id)
        }
        let new = try newImage(source, name: shelf.name)
        if journal[Key.creating] == nil {
            journal[Key.creating] = new.name
            try await steps.record(journal)
        }
        let image = try await glance.create(new)
        journal[Key.image] = image.id
        try await steps.record(journal)
        return try await upload(image, source)
    }

    /// The earlier attempt ended before the upload was compared, or before the result was recorded.
    private func isWhole(_ image: GlanceImage, _ source: ImageFile) async throws -> Bool {
        guard image.isActive else { return false }
        await steps.progress("comparing", doneBytes: 0, totalBytes: source.body.sizeBytes)
        do throws(CloudError) {
            try await glance.verify(image, as: source.format, source.body)
        } catch {
            if [.digest, .unverifiable, .converted].contains(error.code) { return false }
            throw error
        }
        return true
    }

    /// The image that an earlier attempt of this release created; several only if it was killed
    /// between creating and recording one.
    private func started() async throws -> GlanceImage? {
        var made = try await shelf.made(by: order)
        // The one that got furthest is continued.
        made.sort {
            ($0.name == shelf.name ? 2 : $0.isActive ? 1 : 0)
                > ($1.name == shelf.name ? 2 : $1.isActive ? 1 : 0)
        }
        for extra in made.dropFirst() { try await glance.delete(extra.id) }
        return made.first
    }

    private func newImage(_ source: ImageFile, name: String) throws -> NewGlanceImage {
        var image = NewGlanceImage(
            name: "\(ImageMarks.incoming)\(name) \(order.release)",
            diskFormat: source.format)
        image.isHidden = true
        // Private until it is complete; only a shared image can have members.
        image.visibility = settings.visibility == .shared ? "shared" : "private"
        image.minDiskGiB = max(try ImageMarks.number("min_disk", order) ?? 0, source.minDiskGiB)
        image.minMemoryMiB = try ImageMarks.number("min_ram", order) ?? 0
        image.properties = try ImageMarks.properties(order, name: name)
        return image
    }

    private func upload(
        _ image: GlanceImage, _ source: ImageFile
    ) async throws -> GlanceImage {
        let total = source.body.sizeBytes
        let done = Counter()
        let steps = steps
        let what = source.isConverted ? "converting and uploading" : "uploading"
        let teller = Task {
            while true {
                await steps.progress(what, doneBytes: done.value, totalBytes: total)
                try await Task.sleep(for: .milliseconds(Self.progressMilliseconds))
            }
        }
        defer { teller.cancel() }
        do throws(CloudError) {
            // A cloud can download only what is released unchanged.
            let published = source.isConverted || order.image.url.isEmpty ? nil : order.image.url
            return try await glance.upload(image, source.body, source: published) { done.set($0) }
        } catch {
            // Nothing that is not good stays there until the next try.
            if [.digest, .unverifiable, .converted].contains(error.code) {
                _ = try? await glance.delete(image.id)
            }
            throw error
        }
    }

    /// The images that this one takes the name from, including those in the journal, which may have
    /// lost it in an earlier attempt.
    private func previous(
        _ ours: [GlanceImage], _ journal: [String: String], except id: String
    ) async throws -> [GlanceImage] {
        var images = ours.filter { $0.id != id }
        for noted in Self.ids(journal[Key.previous])
        where !images.contains(where: { $0.id == noted }) {
            if let image = try await glance.image(noted) { images.append(image) }
        }
        return images.sorted(by: ImageShelf.isNewer)
    }

    private func share(_ image: GlanceImage, _ before: [GlanceImage]) async throws -> [String] {
        guard settings.visibility == .shared else { return [] }
        for project in settings.members { try await glance.addMember(project, to: image.id) }
        var members: [GlanceMember] = []
        for old in before where old.visibility == "shared" {
            for member in try await glance.members(old.id)
            where !members.contains(where: { $0.projectID == member.projectID }) {
                members.append(member)
            }
        }
        return try await shelf.carryMembers(from: members, to: image)
    }

    static func ids(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map(String.init)
    }
}

/// The number of bytes that a thread has sent.
private final class Counter: Sendable {
    private let state = Mutex<Int64>(0)
    var value: Int64 { state.withLock { $0 } }
    func set(_ value: Int64) { state.withLock { $0 = value } }
}
