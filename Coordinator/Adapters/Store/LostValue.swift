import CoordinatorCore

/// What the database has sealed: whose value it is, and how it is written anew.
enum SealedKind: String, Sendable {
    case environment, secret

    func remedy(_ name: String) -> String {
        switch self {
        case .environment: "aibuild env change \(name) --password-file FILE"
        case .secret: "aibuild secret change \(name) --from-file FILE"
        }
    }

    private func title(_ name: String) -> String {
        switch self {
        case .environment: "password of the environment '\(name)'"
        case .secret: "value of the secret '\(name)'"
        }
    }

    func lost(_ name: String) -> StoreError {
        StoreError(
            .lost,
            "the \(title(name)) was lost in a restore without its key. Set it anew: "
                + remedy(name))
    }
}

/// A sealed value whose key a restore did not have. It is kept behind a mark: the key may be
/// found, and is no longer asked of whoever restores a backup of this database.
enum LostValue {
    private static let mark = "lost:"

    static func marked(_ sealed: String) -> String { mark + sealed }

    static func isMarked(_ stored: String) -> Bool { stored.hasPrefix(mark) }

    /// As it was sealed.
    static func unmarked(_ stored: String) -> String {
        isMarked(stored) ? String(stored.dropFirst(mark.count)) : stored
    }

    /// Of the rows that a query selects, those whose value is lost.
    static func condition(_ column: String) -> String { "\(column) LIKE '\(mark)%'" }
}
