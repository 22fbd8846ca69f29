import SQLKit

/// Schema 23: secrets for environments, and which one an environment names as its password.
enum SecretScopes {
    static let changes: [SchemaChange] = [
        .columns(["environments longtext"], of: "secrets"),
        .columns(["secret_name varchar(128)"], of: "envs"),
    ]
}
