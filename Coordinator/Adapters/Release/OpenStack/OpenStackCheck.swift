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
        if let end = try await session.givenTokenEnd() {
            findings.append(
                EnvironmentFinding(
                    .warning,
                    "the token ends at \(end) and cannot be renewed: an application credential "
                        + "lasts (--application-credential)"))
        }
        let service = try await glance.service()
        findings += try self.service(service)
        findings += safety([session.login.authURL, service.url])
        findings += try await quotas()
        findings += try await tryOut()
        if settings.format == .raw { findings.append(converter) }
        return findings
    }

    private func service(_ service: ImageService) throws -> [EnvironmentFinding] {
        let newest = Self.newest(service.versions)
        if newest == nil, !service.versions.isEmpty {
            throw ReleaseFault(
                .rejected,
                "Glance at \(service.url) offers no version 2, but "
                    + service.versions.joined(separator: ", "))
        }
        let root = service.url.hasSuffix("/v2") ? String(service.url.dropLast(3)) : service.url
        var findings = [
            EnvironmentFinding(.ok, "Glance: \(root)" + (newest.map { ", \($0)" } ?? ""))
        ]
        if let other = service.otherURL {
            let source = settings.imageURL == nil ? "the catalog names" : "the settings name"
            findings.append(
                EnvironmentFinding(.ok, "\(source) \(other) for it, which leads there"))
        }
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

    /// As a release does, with a small image.
    private func tryOut() async throws -> [EnvironmentFinding] {
        let sample = settings.format == .raw ? CheckImage.raw : CheckImage.qcow2
        let created = try await create(sample.format)
        do {
            var findings = [
                EnvironmentFinding(
                    .ok,
                    "an image of visibility \(settings.visibility.rawValue) can be created")
            ]
            if !created.canHide {
                findings.append(
                    EnvironmentFinding(
                        .warning,
                        "this Glance is older than Rocky (2018) and hides no images: one that is "
                            + "not finished is visible in the project as "
                            + "'\(ImageMarks.incoming)…'"))
            }
            findings += try await upload(sample, to: created)
            try await glance.delete(created.id)
            return findings
        } catch {
            _ = try? await glance.delete(created.id)
            throw error
        }
    }

    private func create(_ format: String) async throws -> GlanceImage {
        var image = NewGlanceImage(name: "aibuild-check", diskFormat: format)
        image.isHidden = true
        image.visibility = settings.visibility.rawValue
        image.properties = [ImageMarks.builder.name: ImageMarks.builder.value]
        do throws(CloudError) { return try await glance.create(image) } catch {
            guard error.code == .forbidden else { throw error }
            throw ReleaseFault(
                .rejected,
                "\(glance.session.login) may not create images of visibility "
                    + "\(settings.visibility.rawValue): give the user the role, or choose shared "
                    + "or private", cause: error)
        }
    }

    private func upload(
        _ sample: CheckImage, to image: GlanceImage
    ) async throws -> [EnvironmentFinding] {
        let stored: GlanceImage
        do throws(CloudError) { stored = try await glance.upload(image, sample.body) } catch {
            let why =
                switch error.code {
                case .downloadOnly:
                    "this cloud imports images by web-download only, which was not tried: it must "
                        + "be able to download from this coordinator's web root"
                case .unfinished: "a small image is not active yet, so it was not compared"
                default: throw error
                }
            return [EnvironmentFinding(.warning, why)]
        }
        let way = await glance.session.importMethodName().map { "imported (\($0))" } ?? "uploaded"
        let algorithm = stored.digest?.algorithm ?? ""
        let done = "a small image was \(way) and compared (\(algorithm))"
        guard stored.hashValue == nil else { return [EnvironmentFinding(.ok, done)] }
        return [
            EnvironmentFinding(
                .warning,
                "\(done): this Glance reports MD5 only, which shows what an accident changes, and "
                    + "not what an attacker does")
        ]
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
