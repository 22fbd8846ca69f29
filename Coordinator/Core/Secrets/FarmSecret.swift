import BuildProtocol
import TextKit

/// A secret that the coordinator hands to builds, or uses itself, without its value.
public struct FarmSecret: Sendable, Hashable, Codable {
    public var name: String
    /// Names of the guest OSes that may use it, in which `*` stands for any text. Empty: none, it
    /// is for the coordinator's own logins.
    public var guestOSes: [String]
    /// Names of the environments that may use it as their password, written likewise.
    public var environments: [String]
    public var createdMilliseconds: Int64
    public var changedMilliseconds: Int64
    /// Who wrote the value or the guest OSes last.
    public var changedBy: String
    /// Whether a restore has lost the key of its value, which has to be written anew.
    public var isLost: Bool

    public init(
        name: String, guestOSes: [String], environments: [String] = [],
        createdMilliseconds: Int64, changedMilliseconds: Int64, changedBy: String,
        isLost: Bool = false
    ) {
        self.name = name
        self.guestOSes = guestOSes
        self.environments = environments
        self.createdMilliseconds = createdMilliseconds
        self.changedMilliseconds = changedMilliseconds
        self.changedBy = changedBy
        self.isLost = isLost
    }

    /// Limits, each with its reason.
    public enum Bounds {
        /// More belong into a source of secrets, such as Vault.
        public static let secrets = 500
        /// As for secrets of hosts: shorter ones could not be masked in a log without spoiling it,
        /// and longer ones do not fit an environment.
        public static let valueBytes = 6...64 << 10
        /// A list that people write and read.
        public static let patterns = 100
        /// What one build gets: with the rest of its instructions, it must fit a message.
        public static let deliveredBytes = 512 << 10
    }

    /// - Parameter name: of a guest OS or an environment.
    public static func isAllowed(_ name: String, by patterns: [String]) -> Bool {
        patterns.contains { Wildcards.matches(Wildcards.parts(of: $0), name) }
    }

    /// Why it cannot be stored; `nil` if it can.
    public var problem: String? {
        if let problem = Names.problem(name, what: "name of a secret") { return problem }
        return Self.problem(name, guestOSes, "guest OS", many: "guest OSes")
            ?? Self.problem(name, environments, "environment", many: "environments")
    }

    private static func problem(
        _ name: String, _ patterns: [String], _ what: String, many: String
    ) -> String? {
        guard patterns.count <= Bounds.patterns else {
            return "the secret \(Names.quoted(name)) has \(patterns.count) patterns of \(many); at "
                + "most \(Bounds.patterns) are possible: use *"
        }
        for pattern in patterns {
            let fixed = pattern.filter { $0 != "*" }
            guard !pattern.isEmpty,
                fixed.isEmpty || Names.registeredProblem("a" + fixed, what: what) == nil
            else {
                return "no \(what) can have a name like \(Names.quoted(pattern)): use a name, in "
                    + "which * stands for any text"
            }
        }
        return nil
    }

    /// Why a value cannot be stored; `nil` if it can. Nothing of it is in the answer.
    public static func problem(ofValue value: Secret) -> String? {
        let count = value.reveal.utf8.count
        if count < Bounds.valueBytes.lowerBound {
            return "the value has \(count) bytes; at least \(Bounds.valueBytes.lowerBound) are "
                + "needed, because shorter ones could not be masked in a log without spoiling it"
        }
        if count > Bounds.valueBytes.upperBound {
            return "the value has \(count) bytes; at most \(Bounds.valueBytes.upperBound) are "
                + "possible"
        }
        let text = value.reveal.utf8
        if text.contains(0) {
            return "the value has a NUL byte, which no environment can hold: encode it, for "
                + "example by base64"
        }
        let visible = text.filter { $0 > 0x20 }.count
        return visible < Bounds.valueBytes.lowerBound
            ? "the value is nearly all white space, and could not be masked in a log" : nil
    }
}

/// The outcome of a change of the key that seals secrets.
public struct KeyRotation: Sendable, Hashable {
    /// Values that were sealed again.
    public var resealed: Int
    /// What no key of this coordinator opens, and stays as it is.
    public var unreadable: [String]
    /// Why the older key is still there; `nil` if it is gone.
    public var problem: String?

    public init(resealed: Int = 0, unreadable: [String] = [], problem: String? = nil) {
        self.resealed = resealed
        self.unreadable = unreadable
        self.problem = problem
    }
}
