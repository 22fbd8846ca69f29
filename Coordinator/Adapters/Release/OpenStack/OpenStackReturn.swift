import CoordinatorCore
import OpenStackKit

/// The way back: of a release that was good once, and of one that never became it.
struct OpenStackReturn {
    let order: ReleaseOrder
    let settings: OpenStackSettings
    let glance: GlanceClient
    let steps: any ReleaseSteps

    private typealias Key = OpenStackRelease.Key
    private var shelf: ImageShelf { ImageShelf(order, glance) }

    /// The image before takes its name back first, and with it whom the newer one was shared with;
    /// then the newer one is put away, where nobody but the project sees it.
    func rollBack() async throws -> ReleaseResult {
        let shelf = shelf
        guard let id = order.journal[Key.image] else {
            throw ReleaseFault(
                .rejected,
                "the release to take back has noted no image: look with 'openstack image list'")
        }
        // From here on this release has a journal of its own, the same in every try.
        try await steps.record(order.journal)
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
        var notes: [String] = []
        if let previous {
            let members = try await glance.members(id)
            notes += try await shelf.carryMembers(from: members, to: previous)
            try await glance.change(previous.id, [.name(shelf.name), .hidden(false)])
        } else {
            notes.append("there was no image before it, so none has the name \(shelf.name) now")
        }
        if let current { notes += try await withdraw(current) }
        return ReleaseResult(remoteID: previous?.id ?? "", notes: notes)
    }

    private func withdraw(_ image: GlanceImage) async throws -> [String] {
        let name = "\(ImageMarks.withdrawn)\(shelf.name) \(shelf.date)"
        let rename = [GlanceChange.name(name), .hidden(true)]
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

    /// Whatever this release made goes. Where it had taken the name already, the image before gets
    /// it back first. Images of other releases are not touched: their mark is another.
    func abandon() async throws {
        let shelf = shelf
        let made = try await shelf.made(by: order)
        if made.contains(where: { $0.name == shelf.name }) {
            for id in OpenStackRelease.ids(order.journal[Key.previous]) {
                guard let image = try await glance.image(id), image.isActive else { continue }
                try await glance.change(id, [.name(shelf.name), .hidden(false)])
                break
            }
        }
        for image in made { try await glance.delete(image.id) }
    }
}
