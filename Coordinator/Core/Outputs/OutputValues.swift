import BuildProtocol

/// What the files under `output/` may name, and what it is for one build and one release of it.
public enum OutputValues {
    /// There once the build has passed.
    private static let ofBuild = [
        "build.id", "build.number", "build.guest_os", "build.image_name", "build.image_url",
        "build.image_path", "build.image_size_bytes", "build.image_sha256", "build.image_format",
        "build.commit", "build.reason", "guestos.name", "guestos.type", "guestos.distro",
        "guestos.version",
    ]
    /// There once the image was released.
    private static let ofRelease = [
        "result_img_id", "release.id", "release.environment", "release.by",
    ]

    /// A value for each name that a template of this plan may use, to try it before anything is
    /// built.
    public static func samples(_ plan: BuildPlan) -> [String: String] {
        var values = variables(plan)
        for name in ofBuild + ofRelease { values[name] = name }
        return values
    }

    /// Whether the names are all there before a release.
    public static func needRelease(_ names: Set<String>) -> Bool {
        !names.isDisjoint(with: ofRelease)
    }

    public static func values(
        _ build: Build, _ guestOS: GuestOS, _ release: Release?
    ) -> [String: String] {
        var values = variables(build.plan)
        let image = build.image
        let facts = [
            build.id, "\(build.number)", build.guestOS, image?.name ?? "", image?.url ?? "",
            image?.path ?? "", "\(image?.sizeBytes ?? 0)", image?.sha256 ?? "",
            image?.format ?? "", build.plan.commit ?? "", build.updateContents, guestOS.name,
            guestOS.type.rawValue, guestOS.distro, guestOS.version,
        ]
        for (name, value) in zip(ofBuild, facts) { values[name] = value }
        if let release, let result = release.result {
            let facts = [result.remoteID, release.id, release.environment, release.requestedBy]
            for (name, value) in zip(ofRelease, facts) { values[name] = value }
        }
        return values
    }

    private static func variables(_ plan: BuildPlan) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: plan.recipe.variables.map { ("variables.\($0)", $1) })
    }
}
