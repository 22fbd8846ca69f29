/// Reads the secrets that the coordinator keeps.
public protocol SecretReader: Sendable {
    /// By name.
    func secrets() async throws -> [FarmSecret]
    func secret(named name: String) async throws -> FarmSecret?
    /// - Returns: `nil` if there is none.
    /// - Throws: `StoreError.unavailable` if it cannot be decrypted with this coordinator's keys.
    func value(ofSecret name: String) async throws -> Secret?
}

/// Writes them. Every method throws `StoreError.deposed` once another epoch leads.
public protocol SecretWriter: RecordingWriter {
    /// Adds a secret, or changes all of one but when it was created. The value is encrypted at
    /// rest; `nil` keeps the stored one.
    /// - Throws: `StoreError.notFound` if there is neither a value nor a secret.
    func put(_ secret: FarmSecret, value: Secret?) async throws
    /// - Throws: `StoreError.notFound`
    func removeSecret(named name: String) async throws
    /// Seals everything with the newest key, the passwords of environments as well, and drops the
    /// older ones. Continues what was interrupted: until the end, both keys are kept.
    /// - Parameter isNew: makes a new key first, unless a change of keys was interrupted.
    func rotateKey(isNew: Bool) async throws -> KeyRotation
}
