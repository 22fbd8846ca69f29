import CoordinatorCore
import OpenStackKit
import ProcessKit

/// The check of an environment: whether a release would succeed, found out by the first step of
/// one.
struct OpenStackCheck {
    let settings: OpenStackSettings
    let glance: GlanceClient

    /// The part of a quota from which on a warning is shown.
    private static let nearlyFull = 0.9

    func run() async throws -> [EnvironmentFinding] {
        let session = glance.session
        let roles = try await session.roles()
        var findings = [
            EnvironmentFinding(
                .ok,
                "Keystone: \(session.login), roles \(roles.sorted().joined(separator: ", "))")
        ]
        let endpoint = try await session.endpoint("image")
        let versions = try await glance.versions()
        guard let newest = Self.newest(versions) else {
            throw ReleaseFault(
                .rejected,
                "Glance at \(endpoint) offers no version 2, but "
                    + versions.joined(separator: ", "))
        }
        findings.append(EnvironmentFinding(.ok, "Glance: \(endpoint), \(newest)"))
        findings += safety([session.login.authURL, endpoint])
        findings += try await quotas()
        try await create()
        findings.append(
            EnvironmentFinding(
                .ok, "an image of visibility \(settings.visibility.rawValue) can be created"))
        if settings.format == .raw { findings.append(converter) }
        return findings
    }

    private static func newest(_ versions: [String]) -> String? {
        versions.filter { $0.hasPrefix("v2.") }
            .max { (Int($0.dropFirst(3)) ?? 0) < (Int($1.dropFirst(3)) ?? 0) }
    }

    private func safety(_ urls: [String]) -> [EnvironmentFinding] {
        let clear = urls.filter { $0.hasPrefix("http://") }
        guard !clear.isEmpty else {
            return [EnvironmentFinding(.ok, "TLS: certificates are checked")]
        }
        return [
            EnvironmentFinding(
                .warning,
                "password and images travel unencrypted to "
                    + clear.joined(separator: " and "))
        ]
    }

    private func quotas() async throws -> [EnvironmentFinding] {
        guard let usage = try await glance.usage() else { return [] }
        return usage.measures.filter { $0.value.limit >= 0 }.sorted { $0.key < $1.key }.map {
            let (name, measure) = $0
            let isFull = Double(measure.usage) >= Double(measure.limit) * Self.nearlyFull
            return EnvironmentFinding(
                isFull ? .warning : .ok,
                "quota \(name): \(measure.usage) of \(measure.limit) used"
                    + (isFull ? "; raise it, or delete images" : ""))
        }
    }

    /// As a release does, with an image that never gets any data.
    private func create() async throws {
        var image = NewGlanceImage(name: "aibuild-check", diskFormat: "raw")
        image.isHidden = true
        image.visibility = settings.visibility.rawValue
        image.properties = [ImageMarks.builder.name: ImageMarks.builder.value]
        let created: GlanceImage
        do throws(CloudError) { created = try await glance.create(image) } catch {
            guard error.code == .forbidden else { throw error }
            throw ReleaseFault(
                .rejected,
                "\(settings.username) may not create images of visibility "
                    + "\(settings.visibility.rawValue) in project \(settings.project): give the "
                    + "user the role, or choose shared or private", cause: error)
        }
        try await glance.delete(created.id)
    }

    private var converter: EnvironmentFinding {
        let path = Command.minimalEnvironment["PATH"] ?? ""
        guard let program = Command.find("qemu-nbd", path: path) else {
            return EnvironmentFinding(
                .warning,
                "this machine has no qemu-nbd, which reads qcow2 as raw: install qemu-utils")
        }
        return EnvironmentFinding(.ok, "\(program) reads qcow2 as raw")
    }
}
