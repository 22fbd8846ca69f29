import CoordinatorCore
import OpenStackKit
import TextKit

/// The images of one name in one project: the current one, and those that were warehoused or
/// withdrawn. Used by releases and rollbacks.
struct ImageShelf: Sendable {
    let glance: GlanceClient
    let name: String
    /// The date of the newest change, for the names of warehoused and withdrawn images.
    let date: String

    init(_ order: ReleaseOrder, _ glance: GlanceClient) {
        self.glance = glance
        name =
            ReleasedImage(
                of: order.plan, guestOS: order.guestOS.name, in: order.environment.settings
            ).name
        date = CivilDate(unixMilliseconds: order.createdMilliseconds).compact
    }

    struct Contents {
        /// Images with the name that aibuild created.
        let ours: [GlanceImage]
        /// Images with the name that others created.
        let others: [GlanceImage]
        /// Warehoused and withdrawn images of aibuild, in any order.
        let retired: [GlanceImage]
    }

    /// Queries once; Glance's responses to changes contain the state after them.
    func contents() async throws -> Contents {
        let owner = ("owner", try await glance.session.projectID())
        let mark = (ImageMarks.name, name)
        // A list contains either hidden images or visible ones. Both are requested concurrently,
        // because each takes a round trip to a distant cloud.
        async let named = glance.images([("name", name), owner])
        async let shown = glance.images([mark, owner])
        async let hidden = glance.images([mark, owner, ("os_hidden", "true")])
        let (inUse, marked) = try await (named, shown + hidden)
        let missed = marked.filter { image in
            image.name == name && !inUse.contains { $0.id == image.id }
        }
        let good = (inUse + missed).filter(\.isActive)
        return Contents(
            ours: good.filter(\.isOurs), others: good.filter { !$0.isOurs },
            retired: marked.filter { image in
                image.isOurs
                    && [ImageMarks.warehoused, ImageMarks.withdrawn].contains {
                        image.name.hasPrefix($0 + name + " ")
                    }
            })
    }

    /// Everything that earlier attempts of a release created, in any state, and what is in the
    /// journal. Before the release Rocky, images that are not finished are visible as well.
    func made(by order: ReleaseOrder) async throws -> [GlanceImage] {
        guard !order.isFirstTry else { return [] }
        let mark = (ImageMarks.release, order.release)
        let owner = ("owner", try await glance.session.projectID())
        async let shown = glance.images([mark, owner])
        async let hidden = glance.images([mark, owner, ("os_hidden", "true")])
        var made: [GlanceImage] = []
        for image in try await hidden + shown where !made.contains(where: { $0.id == image.id }) {
            made.append(image)
        }
        if let id = order.journal[OpenStackRelease.Key.image],
            !made.contains(where: { $0.id == id }), let image = try await glance.image(id),
            image.isOf(order.release)
        {
            made.append(image)
        }
        return made
    }

    /// Glance's times have whole seconds only.
    static func isNewer(_ a: GlanceImage, _ b: GlanceImage) -> Bool {
        if a.createdAt != b.createdAt { return a.createdAt > b.createdAt }
        let numbers = [a, b].map { Int($0.properties["build_number"] ?? "") ?? 0 }
        return numbers[0] > numbers[1]
    }

    /// Takes an image out of use, and leaves it to the projects that share it.
    func warehouse(_ image: GlanceImage) async throws -> GlanceImage {
        try await glance.change(
            image.id,
            [.name("\(ImageMarks.warehoused)\(name) \(date)"), .property(ImageMarks.name, name)])
    }

    /// Shares an image with the members of another as well. An administrator can also accept it on
    /// their behalf; otherwise the notes say which projects have to accept it.
    func carryMembers(
        from old: [GlanceMember], to image: GlanceImage
    ) async throws -> [String] {
        guard image.visibility == "shared", !old.isEmpty else { return [] }
        let known = try await glance.members(image.id)
        var pending: [String] = []
        for member in old {
            let now = known.first { $0.projectID == member.projectID }
            if now == nil { try await glance.addMember(member.projectID, to: image.id) }
            if member.status == "accepted", now?.status != "accepted" {
                do throws(CloudError) {
                    try await glance.answer("accepted", as: member.projectID, to: image.id)
                } catch {
                    guard error.code == .forbidden || error.code == .notFound else { throw error }
                    pending.append(member.projectID)
                }
            }
        }
        guard !pending.isEmpty else { return [] }
        return [
            "these projects had accepted the image before and must accept the new one, which only "
                + "they can: \(pending.joined(separator: ", ")) (openstack image set --accept "
                + "\(image.id))"
        ]
    }

    /// - Returns: the images that could not be deleted, and why.
    func delete(_ images: [GlanceImage]) async throws -> [String] {
        var notes: [String] = []
        for image in images {
            do throws(CloudError) { try await glance.delete(image.id) } catch {
                guard error.code == .forbidden || error.code == .conflict else { throw error }
                let why = image.isProtected ? "is protected" : "is in use"
                notes.append("'\(image.name)' (\(image.id)) \(why), so it was not deleted")
            }
        }
        return notes
    }
}
