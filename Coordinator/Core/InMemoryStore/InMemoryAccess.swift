/// Principals, tokens, sessions and codes of an in-memory store.
struct InMemoryAccess: Sendable {
    private var book = AccessBook()
    private var hashes: [String: String] = [:]
    /// Oldest first.
    private var codes: [SignInCode] = []

    var records: AccessRecords { book.records }

    func passwordHash(of name: String) -> String? { hashes[name] }

    mutating func add(_ code: SignInCode) {
        codes = codes.suffix(AccessBounds.codes - 1) + [code]
    }

    mutating func takeCode(digest: String) -> SignInCode? {
        codes.firstIndex { $0.digest == digest }.map { codes.remove(at: $0) }
    }

    mutating func apply(_ change: AccessChange) throws {
        try book.apply(change)
        switch change {
        case .add(let principal, let hash?), .change(let principal, let hash?):
            hashes[principal.name] = hash
        case .removePrincipal(let name): hashes[name] = nil
        default: break
        }
    }
}
