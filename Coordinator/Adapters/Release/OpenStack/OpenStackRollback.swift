import CoordinatorCore
import OpenStackKit

/// Undoes releases: those that succeeded, and those that failed halfway.
struct OpenStackRollback {
    let order: ReleaseOrder
    let settings: OpenStackSettings
    let glance: GlanceClient
    let steps: any ReleaseSteps

    private typealias Key = OpenStackRelease.Key
    private var shelf: ImageShelf { ImageShelf(order, glance) }

    /// The previous image takes its name back first, together with the members of the newer one.
    /// Then the newer one is withdrawn: only the project can see it.
    func rollBack() async throws -> ReleaseResult {
        let shelf = shelf
        guard let id = order.journal[Key.image] else {
            throw ReleaseFault(
                .rejected,
                "the release to take back has noted no image: look with 'openstack image list'")
        }
        let current = try await glance.image(id)
        let noted = OpenStackRelease.ids(order.journal[Key.previous])
        var previous: GlanceImage?
        for id in noted where previous == nil {
            if let image = try await glance.image(id), image.isActive { previous = image }
        }
        if previous == nil, !noted.isEmpty {
            throw ReleaseFault(
                .rejected,
                "the image before \(id) was deleted since (the environment keeps "
                    + "\(settings.keep)): release an older build again instead")
        }
        // From here on this release has its own journal, the same in every attempt.
        try await steps.record(order.journal)
        var notes: [String] = []
        if let previous {
            let members = try await glance.members(id)
            notes += try await shelf.carryMembers(from: members, to: previous)
            try await glance.change(previous.id, [.name(shelf.name)] + previous.hiding(false))
        } else {
            notes.append("there was no image before it, so none has the name \(shelf.name) now")
        }
        if let current { notes += try await withdraw(current) }
        return ReleaseResult(remoteID: previous?.id ?? "", notes: notes)
    }

    private func withdraw(_ image: GlanceImage) async throws -> [String] {
        let name = "\(ImageMarks.withdrawn)\(shelf.name) \(shelf.date)"
        let rename = [GlanceChange.name(name)] + image.hiding(true)
        do throws(CloudError) {
            try await glance.change(image.id, rename + [.visibility("private")])
            return ["the image that was taken back is kept as '\(name)' (\(image.id))"]
        } catch {
            guard error.code == .forbidden || error.code == .conflict else { throw error }
            try await glance.change(image.id, rename)
            return [
                "the image that was taken back is kept as '\(name)' (\(image.id)) and is still "
                    + "\(image.visibility): \(error)"
            ]
        }
    }

    static func leftBehind(by release: Release) -> [String] {
        let journal = release.journal
        let previous = OpenStackRelease.ids(journal[Key.previous])
        guard let image = journal[Key.image] else {
            return journal[Key.creating].map { ["perhaps an image called '\($0)'"] } ?? []
        }
        if release.action == .rollback {
            return [
                "the name of image \(image), which image \(previous.first ?? "none") was to get "
                    + "back"
            ]
        }
        let name = journal[Key.previous].map { _ in
            " (it may have its name already"
                + (previous.first.map { ", which image \($0) had before)" } ?? ")")
        }
        return ["image \(image)" + (name ?? "")]
    }

    /// Deletes what this release created. If it had already taken the name, the previous image gets
    /// the name back first. Images of other releases carry other marks and are left alone.
    func abandon() async throws {
        let shelf = shelf
        let made = try await shelf.made(by: order)
        if made.contains(where: { $0.name == shelf.name }) {
            for id in OpenStackRelease.ids(order.journal[Key.previous]) {
                guard let image = try await glance.image(id), image.isActive else { continue }
                try await glance.change(id, [.name(shelf.name)] + image.hiding(false))
                break
            }
        }
        for image in made { try await glance.delete(image.id) }
    }
}
