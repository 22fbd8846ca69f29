/// The secrets of an in-memory store. Nothing is at rest there, so nothing is sealed.
struct InMemorySecrets: Sendable {
    private var entries: [String: (secret: FarmSecret, value: Secret)] = [:]

    var all: [FarmSecret] {
        entries.values.map(\.secret).sorted { precedes($0.name, $1.name) }
    }

    subscript(name: String) -> FarmSecret? { entries[name]?.secret }

    func value(of name: String) -> Secret? { entries[name]?.value }

    mutating func put(_ secret: FarmSecret, _ value: Secret?) throws {
        let known = entries[secret.name]
        guard let value = value ?? known?.value else {
            throw StoreError.notFound(what: .secret, name: secret.name)
        }
        var secret = secret
        secret.createdMilliseconds = known?.secret.createdMilliseconds ?? secret.createdMilliseconds
        entries[secret.name] = (secret, value)
    }

    mutating func remove(_ name: String) throws {
        guard entries.removeValue(forKey: name) != nil else {
            throw StoreError.notFound(what: .secret, name: name)
        }
    }
}
