import CoordinatorCore
import OpenStackKit
import TextKit

/// The properties by which aibuild recognizes its own images in a cloud. It sets them, and
/// templates may not.
enum ImageMarks {
    static let builder = (name: "builder", value: "aibuild")
    /// The id of the build.
    static let build = "aibuild_imgid"
    /// The id of the release that created the image.
    static let release = "aibuild_release"
    /// The image's name before, during and after its use.
    static let name = "aibuild_name"
    /// The digest of the published file, whatever it was converted to.
    static let sha256 = "aibuild_sha256"

    static let warehoused = "warehoused-"
    static let withdrawn = "withdrawn-"
    static let incoming = "incoming-"

    /// The properties of a new image.
    /// - Throws: `ReleaseFault` for a property that a template may not set.
    static func properties(_ order: ReleaseOrder, name: String) throws -> [String: String] {
        let build = order.build
        var all = [
            "os_type": order.guestOS.type.rawValue, "os_distro": order.guestOS.distro,
            "os_version": order.guestOS.version, "architecture": "x86_64",
            "updates": build.updateContents,
        ]
        let builtAt = build.endedMilliseconds ?? build.submittedMilliseconds
        all["build_at"] = UTCTime(unixMilliseconds: builtAt).rfc3339
        for (key, value) in order.plan.properties where !numbers.contains(key) {
            guard !key.hasPrefix("aibuild_"), !key.isEmpty, !GlanceImage.ownKeys.contains(key),
                key != builder.name
            else {
                throw ReleaseFault(
                    .rejected,
                    "aibuild.yml of \(build.guestOS) sets the property '\(key)', which is "
                        + "Glance's or aibuild's own: take it out of release: properties:")
            }
            all[key] = value
        }
        all[builder.name] = builder.value
        all[ImageMarks.build] = build.id
        all["build_number"] = String(build.number)
        all["get_url"] = order.image.url
        all["commit"] = build.plan.commit ?? ""
        all[release] = order.release
        all[ImageMarks.name] = name
        all[sha256] = order.image.sha256
        return all.filter { !$0.value.isEmpty }
    }

    /// Properties of `aibuild.yml` that are numbers in Glance.
    private static let numbers: Set<String> = ["min_disk", "min_ram"]

    static func number(_ key: String, _ order: ReleaseOrder) throws -> Int? {
        guard let text = order.plan.properties[key] else { return nil }
        guard let number = Int(text), (0...1 << 20).contains(number) else {
            throw ReleaseFault(
                .rejected,
                "aibuild.yml of \(order.build.guestOS) sets \(key) to '\(text)': a number of "
                    + (key == "min_disk" ? "GiB" : "MiB") + " is expected")
        }
        return number
    }
}

extension GlanceImage {
    var isOurs: Bool { properties[ImageMarks.builder.name] == ImageMarks.builder.value }

    func isOf(_ release: String) -> Bool { properties[ImageMarks.release] == release }
}
