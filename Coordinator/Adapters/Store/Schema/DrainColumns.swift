import SQLKit

/// Schema 12: why a host is drained, and until when it may finish what was begun there.
enum DrainColumns {
    static let changes: [SchemaChange] = [
        .columns(["drain_note longtext", "drain_until_ms bigint"], of: "hosts")
    ]
}
