import AgentCore
import BuildProtocol
import ProcessKit
import Support

/// The secrets of one attempt, read into memory from files of this host, or from those that hold
/// what the coordinator sent.
struct AttemptSecrets {
    /// What the build program's environment gets.
    private(set) var environment: [String: String] = [:]
    /// Files that the program reads.
    private(set) var files: [String] = []
    private(set) var mask = SecretMask([])

    /// - Throws: a template fault for a secret that the template may not use, a host's for one that
    ///   cannot be read. Neither holds its content.
    init(_ order: AttemptOrder) throws(Fault) {
        var contents: [[UInt8]] = []
        for (name, value) in order.start.recipe.environment ?? [:] {
            switch value {
            case .text(let text): environment[name] = text
            case .secret(let secret):
                let (bytes, _) = try Self.read(secret, order)
                let text = String(decoding: bytes, as: UTF8.self)
                environment[name] = text.hasSuffix("\n") ? String(text.dropLast()) : text
                contents.append(bytes)
            case .secretFile(let secret):
                let (bytes, path) = try Self.read(secret, order)
                environment[name] = path
                files.append(path)
                contents.append(bytes)
            }
        }
        mask = SecretMask(contents)
    }

    private static func read(
        _ name: String, _ order: AttemptOrder
    ) throws(Fault) -> (bytes: [UInt8], path: String) {
        guard let secret = order.secrets?[name] else {
            throw Fault(
                .infrastructure, .hostError,
                "neither this host nor the coordinator has a secret \(Names.quoted(name)): run "
                    + "aibuild secret add \(name), or add it under secrets in agent.yml")
        }
        let guestOS = order.start.build.guestOS
        guard secret.isFor(guestOS) else {
            throw Fault(
                .template, .templateInvalid,
                "the secret \(Names.quoted(name)) is not for the guest OS "
                    + "\(Names.quoted(guestOS)): agent.yml lists those that may use it under "
                    + "guest_oses")
        }
        do throws(HostSecretFile.Unusable) {
            return (try HostSecretFile.read(secret), secret.file)
        } catch {
            throw Fault(
                .infrastructure, .hostError,
                "the secret \(Names.quoted(name)) of this host \(error.why)")
        }
    }
}
