import BuildProtocol
public import CoordinatorCore

/// A secret of the coordinator's own store, read when it is needed: it may be changed meanwhile.
public struct StoredSecret: SecretSource {
    /// Whoever reads it by this decides who may use it.
    public let guestOSes: [String] = []
    private let name: String
    private let store: any Store

    public init(_ name: String, in store: any Store) {
        self.name = name
        self.store = store
    }

    public var place: String { "secret \(name) of the coordinator" }

    public func value() async throws(SecretFault) -> Secret {
        do {
            if let value = try await store.value(ofSecret: name) { return value }
        } catch let error as StoreError where error.code == .lost {
            throw SecretFault("\(error)")
        } catch let error as StoreError
            where error.code == .unusable || error.underlying(Failure.self) != nil
        {
            // Asking again would not help.
            throw SecretFault("\(error). Write it anew: aibuild secret change \(name)")
        } catch {
            throw SecretFault("the \(place) cannot be read now", cause: error)
        }
        throw SecretFault(
            "the coordinator has no secret \(Names.quoted(name)), or it is being changed: "
                + "aibuild secret add \(name) --no-builds")
    }
}
