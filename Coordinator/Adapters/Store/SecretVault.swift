import CoordinatorCore
import Support

/// Seals and unseals secrets, if there is a key.
struct SecretVault: Sendable {
    let keys: SealingKeys?

    /// `nil` stays `nil` and needs no key.
    func seal(_ secret: Secret?, context: String) throws -> String? {
        guard let secret else { return nil }
        guard let sealed = keys?.seal(secret.reveal, context: context) else {
            throw Self.noKey
        }
        return sealed
    }

    /// - Parameter what: `the secret 'cloud'`.
    func unseal(_ sealed: String, context: String, _ what: String) throws -> Secret {
        do {
            return Secret(try requiredKeys().open(sealed, context: context))
        } catch let error as Failure {
            throw StoreError(.unavailable, "\(what) cannot be unsealed", cause: error)
        }
    }

    func requiredKeys() throws -> SealingKeys {
        guard let keys else { throw Self.noKey }
        return keys
    }

    private static var noKey: StoreError {
        StoreError(.unavailable, "there is no key to seal and unseal secrets with")
    }
}
