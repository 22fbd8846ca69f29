import CoordinatorCore
import Support

/// Seals and unseals the secrets of environments, if there is a key.
struct SecretVault: Sendable {
    let key: SecretKey?

    /// `nil` stays `nil` and needs no key.
    func seal(_ secret: Secret?, context: String) throws -> String? {
        try secret.map { try requiredKey().seal($0.reveal, context: context) }
    }

    func unseal(_ sealed: String, context: String, environment: String) throws -> Secret {
        do {
            return Secret(try requiredKey().open(sealed, context: context))
        } catch let error as Failure {
            throw StoreError(
                .unavailable, "the secret of the environment '\(environment)' cannot be unsealed",
                cause: error)
        }
    }

    private func requiredKey() throws -> SecretKey {
        guard let key else {
            throw StoreError(.unavailable, "there is no key to seal and unseal secrets with")
        }
        return key
    }
}
