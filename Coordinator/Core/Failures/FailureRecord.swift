public import BuildProtocol
import TextKit

/// A failed attempt, as failures are compared.
public struct FailureRecord: Sendable, Hashable {
    public var attempt: AttemptToken
    public var build: String
    public var guestOS: String
    public var number: Int
    public var host: String
    public var fingerprint: FailureFingerprint
    /// `debian-12.qcow2@c0ffee012345`; `nil` if the template names none.
    public var baseImage: String?
    public var commit: String?
    public var atMilliseconds: Int64

    public init(
        attempt: AttemptToken, build: String, guestOS: String, number: Int, host: String,
        fingerprint: FailureFingerprint, baseImage: String?, commit: String?, atMilliseconds: Int64
    ) {
        self.attempt = attempt
        self.build = build
        self.guestOS = guestOS
        self.number = number
        self.host = host
        self.fingerprint = fingerprint
        self.baseImage = baseImage
        self.commit = commit
        self.atMilliseconds = atMilliseconds
    }
}

/// The conditions of a list of failures, all of which must hold.
public struct FailureFilter: Sendable, Hashable {
    public var fingerprint: String?
    public var build: String?
    public var guestOS: String?
    public var sinceMilliseconds: Int64

    public init(
        fingerprint: String? = nil, build: String? = nil, guestOS: String? = nil,
        sinceMilliseconds: Int64 = 0
    ) {
        self.fingerprint = fingerprint
        self.build = build
        self.guestOS = guestOS
        self.sinceMilliseconds = sinceMilliseconds
    }

    func takes(_ record: FailureRecord) -> Bool {
        record.atMilliseconds >= sinceMilliseconds
            && fingerprint.map { $0 == record.fingerprint.id } ?? true
            && build.map { $0 == record.build } ?? true
            && guestOS.map { $0 == record.guestOS } ?? true
    }
}

extension BuildPlan {
    /// What the image is made from, as failures name it.
    public var baseImageName: String? {
        guard let image = recipe.baseImage else { return nil }
        let path = image.url.prefix { $0 != "?" && $0 != "#" }
        let name = path.split(separator: "/").last.map(String.init) ?? String(path)
        let digest = image.sha256.map { "@" + $0.prefix(12) } ?? ""
        return (name.visible.prefixOfUTF8(160) + digest)
    }
}

extension BuildChange {
    /// What the end of a failed attempt adds to the known failures; `nil` if it passed or nobody
    /// wanted it any more.
    /// - Parameter build: before the change.
    public func failure(_ build: Build) -> FailureRecord? {
        guard let owner, let fault = end?.outcome.fault, fault.class != .cancelled else {
            return nil
        }
        return FailureRecord(
            attempt: owner, build: build.id, guestOS: build.guestOS, number: build.number,
            host: build.host ?? "", fingerprint: FailureFingerprint(fault),
            baseImage: build.plan.baseImageName,
            commit: build.plan.commit?.prefixOfUTF8(64), atMilliseconds: atMilliseconds)
    }
}
