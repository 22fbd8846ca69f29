public import CoordinatorCore
import DockerKit

/// Releases to a registry: the image as a containerDisk under its own name, and a tag that moves to
/// the newest one.
public struct RegistryTarget: ReleaseTarget {
    /// The digest that the moving tag pointed to before, or `none`.
    private static let previousKey = "previous"
    private static let none = "none"

    public init() {}

    public func check(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        let settings = try settings(environment)
        // A name that no guest OS can have; the right to access is the same everywhere.
        let push = try RegistryPush(settings, secret, guestOS: "aibuild-check")
        return try await faults {
            try await RegistryPush.registry(settings, secret).check()
            let tags = try await push.repository.tags()
            try await push.repository.checkPush()
            var findings = [
                EnvironmentFinding(.ok, "\(settings.url) answers and lets us in"),
                EnvironmentFinding(.ok, "we may push to \(push.repository.path)"),
            ]
            if !settings.repository.contains("{guestos}") {
                findings.append(
                    EnvironmentFinding(
                        .ok,
                        "\(settings.repository) has \(tags.count) tags; images of every guest "
                            + "OS go there, write {guestos} for one repository each"))
            }
            if settings.url.hasPrefix("http:") {
                findings.append(
                    EnvironmentFinding(
                        .warning,
                        "\(settings.url) is not encrypted: anybody on the way can change "
                            + "images and read the password"))
            }
            return findings
        }
    }

    public func release(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        try await faults {
            let settings = try settings(order.environment)
            let push = try RegistryPush(settings, order.secret, guestOS: order.build.guestOS)
            let journal = ReleaseJournal(order, steps)
            let manifest = try await push.run(order, journal, steps)
            let tag = settings.tag
            let current = try await push.repository.manifest(tag)
            if await journal[Self.previousKey] == nil {
                try await journal.note([Self.previousKey: current?.digest ?? Self.none])
            }
            if current?.digest != manifest.digest {
                try await push.repository.put(
                    manifest.bytes, type: manifest.mediaType, tag: tag)
            }
            let reference = push.repository.reference
            return ReleaseResult(
                remoteID: manifest.digest,
                notes: [
                    "\(reference):\(order.build.imageName)", "\(reference):\(tag)",
                    "\(reference)@\(manifest.digest)",
                ])
        }
    }

    public func rollBack(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        try await faults {
            let settings = try settings(order.environment)
            let push = try RegistryPush(settings, order.secret, guestOS: order.build.guestOS)
            let reference = "\(push.repository.reference):\(settings.tag)"
            guard let previous = order.journal[Self.previousKey], previous != Self.none else {
                throw ReleaseFault(
                    .rejected,
                    "nothing stood under \(reference) before: there is nothing to go back to")
            }
            let current = try await push.repository.manifest(settings.tag)?.digest
            guard current == previous || current == order.journal["digest"] else {
                throw ReleaseFault(
                    .rejected,
                    "\(reference) was moved by somebody else to \(current ?? "nothing"), which "
                        + "stays: release what you want there instead")
            }
            guard let manifest = try await push.repository.manifest(previous) else {
                throw ReleaseFault(
                    .rejected,
                    "\(previous), which stood under \(reference) before, is not in the registry "
                        + "any more: release that build again")
            }
            try await push.repository.put(
                manifest.bytes, type: manifest.mediaType, tag: settings.tag)
            return ReleaseResult(remoteID: previous, notes: ["\(reference) is \(previous) again"])
        }
    }

    public func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws {
        try await faults {
            let settings = try settings(order.environment)
            let push = try RegistryPush(settings, order.secret, guestOS: order.build.guestOS)
            let journal = ReleaseJournal(order, steps)
            if let previous = order.journal[Self.previousKey], previous != Self.none,
                try await push.repository.manifest(settings.tag)?.digest == order.journal["digest"],
                let manifest = try await push.repository.manifest(previous)
            {
                try await push.repository.put(
                    manifest.bytes, type: manifest.mediaType, tag: settings.tag)
            }
            try await push.takeBack(journal)
        }
    }

    public func leftBehind(by release: Release) -> [String] {
        var left: [String] = []
        if let digest = RegistryPush.added(by: release) {
            left.append("image \(digest), called \(release.imageName)")
        }
        if let previous = release.journal[Self.previousKey], previous != Self.none {
            left.append("the moving tag, which pointed to \(previous)")
        }
        return left
    }

    private func settings(_ environment: ReleaseEnvironment) throws -> RegistrySettings {
        guard case .registry(let settings) = environment.settings else {
            throw ReleaseFault(.rejected, "\(environment.name) is no registry")
        }
        return settings
    }
}

/// Converts a kit's error to that of the port.
func faults<T>(_ work: () async throws -> T) async throws -> T {
    do { return try await work() } catch let error as DockerError {
        throw ReleaseFault(because: error)
    }
}
