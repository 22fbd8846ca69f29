import SQLKit

/// Schema 22: the variables of hosts, and those of them that each attempt got.
enum HostVariableColumns {
    static let changes: [SchemaChange] = [
        .columns(["variables longtext"], of: "hosts"),
        .columns(["host_variables longtext"], of: "attempts"),
    ]
}
