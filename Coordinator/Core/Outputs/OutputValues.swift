import BuildProtocol

/// The names that files under `output/` may use, and their values for a build and a release of it.
public enum OutputValues {
    private typealias Fact<Source> = (name: String, of: @Sendable (Source) -> String)

    /// Available once the build has passed.
    private static let ofBuild: [Fact<Build>] = [
        ("build.id", { $0.id }), ("build.number", { "\($0.number)" }),
        ("build.guest_os", { $0.guestOS }), ("build.image_name", { $0.image?.name ?? "" }),
        ("build.image_url", { $0.image?.url ?? "" }),
        ("build.image_path", { $0.image?.path ?? "" }),
        ("build.image_size_bytes", { "\($0.image?.sizeBytes ?? 0)" }),
        ("build.image_sha256", { $0.image?.sha256 ?? "" }),
        ("build.image_format", { $0.image?.format.rawValue ?? "" }),
        ("build.commit", { $0.plan.commit ?? "" }), ("build.reason", { $0.updateContents }),
    ]
    private static let ofGuestOS: [Fact<GuestOS>] = [
        ("guestos.name", { $0.name }), ("guestos.type", { $0.type.rawValue }),
        ("guestos.distro", { $0.distro }), ("guestos.version", { $0.version }),
    ]
    /// The ID of the image in a cloud.
    private static let cloudImage = "result_img_id"

    /// Available once the image was released.
    private static let ofRelease: [Fact<(release: Release, result: ReleaseResult)>] = [
        (cloudImage, { $0.result.remoteID }), ("release.id", { $0.release.id }),
        ("release.environment", { $0.release.environment }),
        ("release.by", { $0.release.requestedBy }),
    ]

    /// A sample value for each name that a template of this plan may use, to check it before
    /// anything is built.
    public static func samples(_ plan: BuildPlan) -> [String: String] {
        var values = variables(plan)
        for name in ofBuild.map(\.name) + ofGuestOS.map(\.name) + ofRelease.map(\.name) {
            values[name] = name
        }
        return values
    }

    /// Whether some of the names are available only after a release.
    public static func needRelease(_ names: Set<String>) -> Bool {
        !names.isDisjoint(with: ofRelease.map(\.name))
    }

    /// Whether they are available as well once Packer has made the image in a cloud itself.
    public static func needCloudImage(_ names: Set<String>) -> Bool {
        names.isDisjoint(with: Set(ofRelease.map(\.name)).subtracting([cloudImage]))
    }

    /// - Parameter cloudImageID: of what Packer made in a cloud.
    public static func values(
        _ build: Build, _ guestOS: GuestOS, _ release: Release?, cloudImageID: String? = nil
    ) -> [String: String] {
        var values = variables(build.plan)
        for fact in ofBuild { values[fact.name] = fact.of(build) }
        for fact in ofGuestOS { values[fact.name] = fact.of(guestOS) }
        values[cloudImage] = cloudImageID
        if let release, let result = release.result {
            for fact in ofRelease { values[fact.name] = fact.of((release, result)) }
        }
        return values
    }

    private static func variables(_ plan: BuildPlan) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: plan.recipe.variables.map { ("variables.\($0)", $1) })
    }
}
