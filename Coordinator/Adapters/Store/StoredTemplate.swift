import CoordinatorCore

/// The column `template` of `guestos`: where the template is, and what belongs to it.
struct StoredTemplate: Codable {
    var source: TemplateSource
    var path: String?
    var variables: [String: String]?
    /// Only if it is: older versions wrote nothing.
    var isRetired: Bool?
    /// Only if there are some.
    var grants: [GuestOSGrant]?

    private enum Key: String, CodingKey {
        case templatePath, variables, grants
        case isRetired = "retired"
    }

    init(_ guestOS: GuestOS) {
        source = guestOS.template
        path = guestOS.templatePath
        variables = guestOS.variables.isEmpty ? nil : guestOS.variables
        isRetired = guestOS.isRetired ? true : nil
        grants = guestOS.grants.isEmpty ? nil : guestOS.grants
    }

    var isEmpty: Bool {
        source == .missing && path == nil && variables == nil && isRetired == nil && grants == nil
    }

    init(from decoder: any Decoder) throws {
        source = try TemplateSource(from: decoder)
        let container = try decoder.container(keyedBy: Key.self)
        path = try container.decodeIfPresent(String.self, forKey: .templatePath)
        variables = try container.decodeIfPresent([String: String].self, forKey: .variables)
        isRetired = try container.decodeIfPresent(Bool.self, forKey: .isRetired)
        grants = try container.decodeIfPresent([GuestOSGrant].self, forKey: .grants)
    }

    func encode(to encoder: any Encoder) throws {
        try source.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(path, forKey: .templatePath)
        try container.encodeIfPresent(variables, forKey: .variables)
        try container.encodeIfPresent(isRetired, forKey: .isRetired)
        try container.encodeIfPresent(grants, forKey: .grants)
    }
}
