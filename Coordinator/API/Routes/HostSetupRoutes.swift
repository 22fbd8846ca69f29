import BuildProtocol
public import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support

/// What a machine needs from this coordinator to become a host.
public struct HostSetup: Sendable {
    /// The line of `authorized_keys` that lets the coordinator in; `nil` if it is not known.
    var authorizedKey: @Sendable () async -> String?
    /// Throws with what an administrator has to correct.
    var packages: @Sendable () async throws -> [AgentPackage]

    public init(
        authorizedKey: @escaping @Sendable () async -> String? = { nil },
        packages: @escaping @Sendable () async throws -> [AgentPackage] = { [] }
    ) {
        self.authorizedKey = authorizedKey
        self.packages = packages
    }
}

/// `aibuild host add` asks these, and copies over its own SSH connection what they answer.
enum HostSetupRoutes {
    private struct View: Encodable {
        struct Package: Encodable {
            var name, version, architecture, sha256: String
            var sizeBytes: Int64
        }

        var authorizedKey: String?
        var packages: [Package]
        var unixMilliseconds: Int64
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/host-setup") { _, _ in
            let packages = try await packages(api)
            return try .json(
                View(
                    authorizedKey: await api.hostSetup.authorizedKey(),
                    packages: packages.map {
                        View.Package(
                            name: $0.name, version: $0.version, architecture: $0.architecture,
                            sha256: $0.sha256, sizeBytes: $0.sizeBytes)
                    }, unixMilliseconds: api.ports.clock.unixMilliseconds()))
        }
        router.on("GET", "/api/v1/host-setup/packages/{architecture}") { request, path in
            let architecture = path["architecture"]
            let found = try await packages(api).first { $0.architecture == architecture }
            guard let found else {
                throw Problem.notFound(
                    "There is no agent package for the architecture \(Names.quoted(architecture))",
                    remedy: "Put one into the folder agent_packages of coordinator.yml")
            }
            return .file(
                found.path, sizeBytes: found.sizeBytes,
                type: "application/vnd.debian.binary-package",
                version: FileVersion(
                    tag: EntityTag(found.sha256),
                    modifiedSeconds: (Files.modifiedNanoseconds(found.path) ?? 0) / 1_000_000_000,
                    isSettled: true), for: request)
        }
    }

    private static func packages(_ api: APIContext) async throws -> [AgentPackage] {
        do { return try await api.hostSetup.packages() } catch {
            throw Problem.conflict("The agent packages of the coordinator cannot be used: \(error)")
        }
    }
}
