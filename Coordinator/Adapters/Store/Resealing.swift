import CoordinatorCore
import SQLKit

/// Seals again what an older key has sealed, page by page.
struct Resealing {
    let keys: SealingKeys
    let table: String
    /// The column that identifies a row, and from which a value's context is made.
    let key: String
    let column: String
    let context: @Sendable (String) -> String
    /// For what cannot be opened.
    let kind: SealedKind

    /// Values sealed in one transaction: a second's work at most.
    static let pageRows = 50

    static func all(_ keys: SealingKeys) -> [Resealing] {
        [
            Resealing(
                keys: keys, table: "envs", key: "id", column: "secret", context: { $0 },
                kind: .environment),
            Resealing(
                keys: keys, table: "secrets", key: "name", column: "sealed",
                context: SecretTable.context, kind: .secret),
        ]
    }

    /// Which values the keys open.
    struct Findings: Sendable {
        /// What none of the keys has sealed, and is not known to be lost.
        var strange: [String] = []
        var lost: [LostSecret] = []
        /// How many values one of the keys has sealed.
        var known = 0
        /// How many of these were lost until the key was found.
        var regained = 0

        /// What no key opens, as people are told.
        var unreadable: [String] { (strange + lost.map(\.title)).sorted() }

        static func + (one: Findings, other: Findings) -> Findings {
            Findings(
                strange: one.strange + other.strange, lost: one.lost + other.lost,
                known: one.known + other.known, regained: one.regained + other.regained)
        }
    }

    func findings(_ transaction: borrowing SQLTransaction) throws -> Findings {
        var findings = Findings()
        for row in try rows(transaction) {
            let isLost = LostValue.isMarked(row.sealed)
            if keys.knows(LostValue.unmarked(row.sealed)) {
                findings.known += 1
                if isLost { findings.regained += 1 }
            } else if isLost {
                findings.lost.append(LostSecret(kind, row.name))
            } else {
                findings.strange.append("\(kind.rawValue) \(row.name)")
            }
        }
        return findings
    }

    /// Marks what none of the keys opens.
    func lose(_ transaction: borrowing SQLTransaction) throws {
        for row in try rows(transaction)
        where !LostValue.isMarked(row.sealed) && !keys.knows(row.sealed) {
            try transaction.execute(
                "UPDATE \(table) SET \(column) = ? WHERE \(key) = ?",
                [.text(LostValue.marked(row.sealed)), .text(row.id)])
        }
    }

    private typealias Row = (id: String, name: String, sealed: String)

    private func rows(_ transaction: borrowing SQLTransaction) throws -> [Row] {
        let all = SQLSelect(
            "SELECT \(key) AS id, name, \(column) AS sealed FROM \(table) "
                + "WHERE \(column) IS NOT NULL ORDER BY \(key)",
            [], of: RowOrigin(table: table, key: "name")
        ) { row in
            (
                id: try row.text("id"), name: try row.text("name"),
                sealed: try row.text("sealed")
            )
        }
        return try transaction.all(all)
    }

    struct Page: Sendable {
        var resealed = 0
        var unreadable: [String] = []
        /// The last row; `nil` if there are no more.
        var last: String?
    }

    func page(after: String, _ transaction: borrowing SQLTransaction) throws -> Page {
        let old = SQLSelect(
            "SELECT \(key) AS id, name, \(column) AS sealed FROM \(table) "
                + "WHERE \(column) IS NOT NULL AND \(column) NOT LIKE ? AND \(key) > ? "
                + "ORDER BY \(key) LIMIT \(Self.pageRows)",
            [.text(keys.prefix + "%"), .text(after)], of: RowOrigin(table: table, key: "name")
        ) { row in
            (
                id: try row.text("id"), name: try row.text("name"),
                sealed: try row.text("sealed")
            )
        }
        let rows = try transaction.allLocked(old)
        var page = Page(last: rows.count < Self.pageRows ? nil : rows.last?.id)
        for row in rows {
            let context = context(row.id)
            let old = LostValue.unmarked(row.sealed)
            guard keys.knows(old), let clear = try? keys.open(old, context: context),
                let sealed = keys.seal(clear, context: context)
            else {
                page.unreadable.append("\(kind.rawValue) \(row.name)")
                continue
            }
            try transaction.execute(
                "UPDATE \(table) SET \(column) = ? WHERE \(key) = ?",
                [.text(sealed), .text(row.id)])
            page.resealed += 1
        }
        return page
    }
}

/// A value that was lost with its key.
struct LostSecret: Sendable, Hashable {
    var kind: SealedKind
    var name: String

    init(_ kind: SealedKind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    var title: String { "\(kind.rawValue) \(name)" }
    var remedy: String { kind.remedy(name) }
}
