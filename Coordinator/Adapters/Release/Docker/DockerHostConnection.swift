import CoordinatorCore
import DockerKit
import HTTPClientKit
import Support
import TextKit

/// A connection to one Docker host of an environment, with its parsed container definition.
struct DockerHostConnection: Sendable {
    let host: DockerSettings.Host
    let engine: DockerEngine
    let definition: ContainerDefinition

    init(_ host: DockerSettings.Host) async throws(DockerError) {
        self.host = host
        definition = try Self.definition(host)
        let address = host.url.wholeMatch(of: #/https://(\[[^\]]+\]|[^:/\[\]]+)(?::([0-9]+))?/*/#)
        guard let address, let port = Int(address.output.2 ?? "2376"), port < 65536 else {
            throw DockerError(
                .invalid, "'\(host.url)' is no address of a Docker engine: write https://host:2376")
        }
        let files = ["ca.pem", "cert.pem", "key.pem"].map { "\(host.certificates)/\($0)" }
        for file in files where !Files.exists(file) {
            throw DockerError(
                .invalid, "there is no \(file): a host's folder holds ca.pem, cert.pem and key.pem")
        }
        engine = try await DockerEngine.connect(
            host: address.output.1.filter { $0 != "[" && $0 != "]" }, port: port,
            tls: TLSFiles(authorities: files[0], certificate: files[1], key: files[2]))
    }

    private static func definition(
        _ host: DockerSettings.Host
    ) throws(DockerError) -> ContainerDefinition {
        let document: JSON
        do { document = try JSON(parsing: Array(host.container.utf8)) } catch {
            throw DockerError(.invalid, "its container definition is no JSON", cause: error)
        }
        do throws(DockerError) { return try ContainerDefinition(document) } catch {
            throw DockerError(.invalid, "its container definition", cause: error)
        }
    }

    /// A description of the host for the check of an environment.
    func describe() async throws(DockerError) -> String {
        let runs = try await engine.container(definition.name)?.state.status
        let images = try await engine.imageBytes()
        let room = images.map { ", images take \($0 >> 20) MiB of its disk" } ?? ""
        return "\(host.name): Docker \(engine.version.version), container \(definition.name) is "
            + "\(runs ?? "not there yet")\(room)"
    }

    func pull(
        _ reference: ImageReference, _ credentials: RegistryCredentials?, _ steps: any ReleaseSteps
    ) async throws -> EngineImage {
        await steps.progress("pulling on \(host.name)", doneBytes: 0, totalBytes: 0)
        return try await engine.pull(reference, credentials: credentials)
    }

    func replacement(
        _ image: ImageReference, _ order: ReleaseOrder, _ health: Replacement.Health,
        _ watch: @escaping DockerTarget.Watch
    ) -> Replacement {
        let host = host
        return Replacement(
            engine: engine, definition: definition, image: image, id: order.release,
            labels: ["aibuild.build": order.build.id, "aibuild.guestos": order.build.guestOS],
            health: health, before: { try await watch(host, $0) })
    }
}
