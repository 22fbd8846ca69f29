import BuildProtocol
import TextKit

/// What may be released to an environment. A template can only narrow it.
public struct ReleasePolicy: Sendable, Hashable, Codable {
    /// The guest OSes whose images may go there.
    public var guestOSes: [NamePattern]
    /// The image names that a template may choose there. The guest OS's own name is always allowed.
    public var images: [NamePattern]
    /// Whether a person must agree before a release begins that no person requested.
    public var needsApproval: Bool

    private enum CodingKeys: String, CodingKey {
        case guestOSes = "guestos"
        case images
        case needsApproval = "approval"
    }

    /// By default every guest OS may release there, under its own name.
    public init(
        guestOSes: [NamePattern] = [.anything], images: [NamePattern] = [],
        needsApproval: Bool = false
    ) {
        self.guestOSes = guestOSes
        self.images = images
        self.needsApproval = needsApproval
    }

    /// What every environment allowed before it could have a policy.
    public static let unrestricted = ReleasePolicy(images: [.anything])

    /// In a few words, for people.
    public var summary: String {
        func list(_ patterns: [NamePattern]) -> String {
            patterns.isEmpty ? "own names" : patterns.map(\.text).joined(separator: ", ")
        }
        return "guestos: \(list(guestOSes)); images: \(list(images)); approval: "
            + (needsApproval ? "required" : "none")
    }

    /// What is wrong with it; `nil` if it is valid.
    public var problem: String? {
        guard !guestOSes.isEmpty else {
            return "guestos is empty: name a guest OS, or * for all of them"
        }
        for (field, patterns) in [("guestos", guestOSes), ("images", images)] {
            guard patterns.count <= ReleaseEnvironment.Bounds.listed else {
                return "\(field) has more than \(ReleaseEnvironment.Bounds.listed) patterns"
            }
            let most = ReleaseEnvironment.Bounds.patternBytes
            let wrong = patterns.map(\.text).first { text in
                !(1...most).contains(text.utf8.count)
                    || text.unicodeScalars.contains(where: \.isControl)
            }
            if let wrong {
                return "\(field) contains \(Names.quoted(wrong)): a pattern has 1 to \(most) bytes "
                    + "and no control characters"
            }
        }
        return patternProblem
    }

    /// A pattern that can match nothing is a slip that would close the environment to everybody.
    private var patternProblem: String? {
        if let wrong = guestOSes.first(where: { !$0.mayMatchGuestOS }) {
            return "guestos contains \(Names.quoted(wrong.text)), which no guest OS can match: "
                + "names have A-Z a-z 0-9 . _ - only, and each pattern stands for itself"
        }
        if let wrong = images.first(where: { !$0.hasKnownPlaceholders }) {
            return "images contains \(Names.quoted(wrong.text)): the only placeholder is {guestos}"
        }
        return nil
    }
}

/// The fields of a policy in a request; what is missing stays as it is.
public struct ReleasePolicyChange: Sendable, Hashable, Decodable {
    public var guestos, images: [NamePattern]?
    public var approval: Bool?

    public init(
        guestos: [NamePattern]? = nil, images: [NamePattern]? = nil, approval: Bool? = nil
    ) {
        self.guestos = guestos
        self.images = images
        self.approval = approval
    }

    public func applied(to policy: ReleasePolicy) -> ReleasePolicy {
        ReleasePolicy(
            guestOSes: guestos ?? policy.guestOSes, images: images ?? policy.images,
            needsApproval: approval ?? policy.needsApproval)
    }
}
