import BuildProtocol

/// The sheets that can be imported, as the original AIBuild had them, and their columns.
public enum ImportSheet: String, Sendable, CaseIterable {
    case envs, guestos, testcases

    struct Column {
        var name: String
        var isRequired = false
        /// The width of the historic column, if there is one.
        var limitBytes = 255
        /// Its values are never repeated in a message.
        var isSecret = false
        var takesLines = false
    }

    var columns: [Column] {
        switch self {
        case .envs:
            [
                Column(name: "index"), Column(name: "env_name", isRequired: true, limitBytes: 64),
                Column(name: "auth_url", isRequired: true),
                Column(name: "project_domain_name", limitBytes: 64),
                Column(name: "user_domain_name", limitBytes: 64),
                Column(name: "project_name", isRequired: true, limitBytes: 64),
                Column(name: "username", isRequired: true),
                Column(name: "password", isSecret: true), Column(name: "region"),
            ]
        case .guestos:
            [
                Column(name: "index"), Column(name: "name", isRequired: true),
                Column(name: "base_iso"), Column(name: "type", isRequired: true, limitBytes: 36),
                Column(name: "distro", limitBytes: 36), Column(name: "version", limitBytes: 36),
                // The original created the template repository itself.
                Column(name: "template", limitBytes: 1024), Column(name: "ref"),
                Column(name: "path", limitBytes: 1024),
                Column(
                    name: "variables", limitBytes: ProtocolLimits.variablesBytes,
                    takesLines: true),
                Column(name: "owner", limitBytes: 128),
            ]
        case .testcases:
            [
                Column(name: "index"), Column(name: "name", isRequired: true),
                Column(name: "os_type", isRequired: true, limitBytes: 36),
            ]
        }
    }

    /// The sheet with this name, which may be spelled freely. Programs and browsers add to names:
    /// `guestos - Table 1` (Numbers), `farm - guestos` (Google), `guestos (1)`.
    public init?(named name: String) {
        var name = name
        if let copy = name.firstMatch(of: #/\s*[(（]\d+[)）]\s*$/#) {
            name.removeSubrange(copy.range)
        }
        let parts = name.split(separator: #/\s[-–—]\s/#).map(String.init)
        let names = [name] + [parts.first, parts.last].compactMap(\.self)
        guard let known = names.lazy.compactMap({ Self(rawValue: Self.plain($0)) }).first else {
            return nil
        }
        self = known
    }

    /// Makes `Base ISO`, `base_iso`, `BASE-ISO`, `Base ISO *:` and `ｂａｓｅ＿ｉｓｏ` the same name.
    static func plain(_ name: String) -> String {
        var plain = ""
        for scalar in name.unicodeScalars where !VisibleText.isInvisible(scalar) {
            plain.unicodeScalars.append(VisibleText.narrow(scalar))
        }
        return plain.lowercased().filter { !$0.isWhitespace && !"_-*:".contains($0) }
    }

    static let names = allCases.map(\.rawValue).joined(separator: ", ")
}
