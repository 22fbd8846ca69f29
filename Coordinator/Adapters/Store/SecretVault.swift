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
    /// - Throws: `StoreError.lost` if a restore has lost its key.
    func unseal(
        _ stored: String, context: String, _ what: String, _ kind: SealedKind, _ name: String
    ) throws -> Secret {
        let keys = try requiredKeys()
        let sealed = LostValue.unmarked(stored)
        if LostValue.isMarked(stored), !keys.knows(sealed) { throw kind.lost(name) }
        do {
            return Secret(try keys.open(sealed, context: context))
        } catch {
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
