import BuildProtocol
import TextKit

/// Decides whether an image of a guest OS may be released to an environment: when the guest OS is
/// registered, when a release is requested or queued, and again when it begins, because the policy
/// may have changed since.
public struct ReleaseRights: Sendable, Hashable {
    public enum Verdict: Sendable, Hashable {
        case allowed
        /// Once a person agrees.
        case needsApproval
        /// The sentence names the environment, the field, what was asked and what is allowed.
        case refused(String)
    }

    public var environment: ReleaseEnvironment
    public var guestOS: String
    public var image: ReleasedImage
    /// The guest OS that owns the image's name there; `nil` if none does yet.
    public var owner: String?

    public init(
        _ environment: ReleaseEnvironment, guestOS: String, plan: ReleasePlan?, owner: String? = nil
    ) {
        self.environment = environment
        self.guestOS = guestOS
        image = ReleasedImage(
            of: plan ?? ReleasePlan(), guestOS: guestOS, in: environment.settings)
        self.owner = owner
    }

    /// - Parameter isAgreed: whether a person requested or approved the release.
    public func verdict(isAgreed: Bool) -> Verdict {
        if let refusal = guestOSRefusal ?? nameRefusal ?? ownerRefusal { return .refused(refusal) }
        return environment.policy.needsApproval && !isAgreed ? .needsApproval : .allowed
    }

    /// Why nothing of the guest OS may go there; `nil` if some of it may.
    public var guestOSRefusal: String? {
        let policy = environment.policy
        guard !policy.guestOSes.contains(where: { $0.matches(guestOS, guestOS: guestOS) }) else {
            return nil
        }
        return "environment \(environment.name) takes no image of guest OS "
            + "\(Names.quoted(guestOS)): its policy allows guest OSes "
            + "\(Self.list(policy.guestOSes)). "
            + remedy("guestos", policy.guestOSes, guestOS)
    }

    private var nameRefusal: String? {
        guard image.name.utf8.count <= ReleaseEnvironment.Bounds.imageNameBytes else {
            return "the image name \(Names.quoted(image.name)) for environment "
                + "\(environment.name) has more than "
                + "\(ReleaseEnvironment.Bounds.imageNameBytes) bytes"
        }
        let policy = environment.policy
        // The repositories of registries are in lower case.
        let names = [guestOS, guestOS.lowercased()]
        let isAllowed =
            image.name == image.ownName
            || policy.images.contains { pattern in
                names.contains { pattern.matches(image.name, guestOS: $0) }
            }
        guard !isAllowed else { return nil }
        let allowed = [NamePattern(image.ownName)] + policy.images
        return "environment \(environment.name) takes no image named \(Names.quoted(image.name)) "
            + "of guest OS \(guestOS) (\(image.key ?? "release") in aibuild.yml): its policy "
            + "allows images \(Self.list(allowed)). "
            + remedy("image", policy.images, image.name)
    }

    /// The whole command, because what it gives replaces the patterns that there are.
    private func remedy(_ option: String, _ present: [NamePattern], _ added: String) -> String {
        let patterns = present.map(\.text) + [added]
        let options = patterns.prefix(11).map { "--\(option) '\($0.visible)'" }
        return "To allow it: aibuild env change \(environment.name) "
            + options.joined(separator: " ") + (patterns.count > 11 ? " …" : "")
    }

    private var ownerRefusal: String? {
        guard image.isExclusive, let owner, owner != guestOS else { return nil }
        return "the image name \(Names.quoted(image.name)) in environment \(environment.name) "
            + "belongs to guest OS \(owner), so \(guestOS) cannot release under it. "
            + "To give it away: aibuild env give \(environment.name) \(image.name) "
            + "--guestos \(guestOS)"
    }

    private static func list(_ patterns: [NamePattern]) -> String {
        let shown = patterns.prefix(10).map { $0.text.visible }
        let others = patterns.count - shown.count
        return shown.joined(separator: ", ") + (others > 0 ? " and \(others) more" : "")
    }
}
