import HTTPClientKit
import Support
import TestSupport
import TextKit

@testable import DockerKit

/// A service for one test: its repository in the shared registry, its container on a shared engine.
struct TestService {
    let host: DockerHost
    let engine: DockerEngine
    let registry: RegistryServer
    /// The name of the container and of the repository.
    let name = "app" + String(UInt32.random(in: .min ... .max), radix: 16)

    init(_ index: Int = 0) async throws {
        host = try await DockerHost.shared(index)
        registry = try await RegistryServer.shared()
        engine = try await host.connect()
    }

    var repository: ImageReference { ImageReference(repository: "\(registry.host)/\(name)") }

    /// Pushes a version of the service. - Returns: the reference with its digest.
    func push(_ version: String, _ lines: [String] = [DockerHost.service]) async throws
        -> ImageReference
    {
        let reference = ImageReference(repository: repository.repository, tag: version)
        try await host.push(reference.description, version: version, lines: lines)
        guard
            let manifest = try await Registry(url: registry.url).repository(name).manifest(version)
        else { throw Failure("\(reference) was not pushed") }
        return repository.pinned(to: manifest.digest)
    }

    func definition(_ extra: [String: JSON] = [:]) throws -> ContainerDefinition {
        let own: [String: JSON] = ["name": .string(name), "network_mode": .string("none")]
        return try ContainerDefinition(.object(own.merging(extra) { $1 }))
    }

    func replacement(
        _ image: ImageReference, id: String, _ extra: [String: JSON] = [:],
        health: Replacement.Health = .init(limitSeconds: 30, settleSeconds: 0),
        before: @escaping @Sendable (String) async throws -> Void = { _ in }
    ) throws -> Replacement {
        Replacement(
            engine: engine, definition: try definition(extra), image: image, id: id,
            health: health, before: before)
    }

    /// Pulls an image and replaces the container, as a release does.
    @discardableResult
    func deploy(
        _ image: ImageReference, id: String, _ extra: [String: JSON] = [:],
        health: Replacement.Health = .init(limitSeconds: 30, settleSeconds: 0)
    ) async throws -> Replacement.PreviousState {
        _ = try await engine.pull(image, credentials: nil)
        let replacement = try replacement(image, id: id, extra, health: health)
        let memory = try await replacement.previousState()
        try await replacement.run(memory)
        return memory
    }

    /// The output of the container with the service's name.
    func version() async throws -> String {
        try await host.run(["exec", name, "cat", "/version"])
    }

    /// Every container of the service, "name state", sorted.
    func containers() async throws -> [String] {
        try await host.run([
            "ps", "--all", "--filter", "name=^\(name)", "--format", "{{.Names}} {{.State}}",
        ]).split(separator: "\n").map(String.init).sorted()
    }

    /// References of the service's images on the engine.
    func images() async throws -> [String] {
        try await engine.images().flatMap { $0.names(inRepositoryOf: repository) }.sorted()
    }
}

extension DockerHost {
    func files(_ certificate: String = "cert", _ key: String = "key", ca: String = "ca")
        -> TLSFiles
    {
        let folder = certificates.folder
        return TLSFiles(
            authorities: "\(folder)/\(ca).pem", certificate: "\(folder)/\(certificate).pem",
            key: "\(folder)/\(key).pem")
    }

    func connect(_ tls: TLSFiles? = nil) async throws(DockerError) -> DockerEngine {
        try await DockerEngine.connect(host: "127.0.0.1", port: Int(port), tls: tls ?? files())
    }
}

func failure(_ work: () async throws -> Void) async throws -> DockerError {
    do { try await work() } catch let error as DockerError { return error }
    throw Failure("nothing failed")
}
