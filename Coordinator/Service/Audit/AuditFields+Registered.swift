import BuildProtocol
import CoordinatorCore
import TextKit

extension GuestOS {
    var auditFields: AuditFields {
        var fields = AuditFields()
        fields.show("type", type.rawValue)
        fields.show("distro", distro)
        fields.show("version", version)
        fields.show("base ISO", baseISO)
        fields.show("template", template.shown)
        fields.show("path", templatePath)
        fields.show("owner", owner)
        fields.show("retired", isRetired)
        fields.show("grants", grants.map(\.words))
        // They may hold passwords.
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            fields.hide("variable \(name)", "=" + value)
        }
        return fields
    }
}

extension TemplateSource {
    /// Without a password that the address may have.
    fileprivate var shown: String {
        switch self {
        case .folder(let path): path
        case .git(let url, let ref): "\(GitAddress(url).url)#\(ref)"
        case .missing: ""
        }
    }
}

extension TestCase {
    var auditFields: AuditFields {
        var fields = AuditFields()
        fields.show("type", osType.rawValue)
        fields.show("builtin", definition?.builtin?.rawValue)
        fields.show("script", definition?.script)
        fields.show("program", definition?.program)
        fields.show("times", definition?.times.map { "\($0)" })
        fields.show("limit", definition?.limitSeconds.map(DurationText.text))
        return fields
    }
}

extension Host {
    var auditFields: AuditFields {
        var fields = AuditFields()
        fields.show("address", address)
        fields.show("host key", hostKey)
        fields.show("drained", drain != nil)
        fields.show("note", drain?.note)
        fields.show(
            "deadline",
            drain?.deadlineMilliseconds.map { UTCTime(unixMilliseconds: $0).text + " UTC" })
        // As those of guest OSes.
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            fields.hide("variable \(name)", "=" + value)
        }
        return fields
    }
}

extension ReleaseEnvironment {
    /// - Parameter password: is never shown; `nil` if it stays as it is.
    func auditFields(password: Secret? = nil) -> AuditFields {
        var fields = AuditFields()
        fields.show("kind", kind.rawValue)
        // Whatever a kind of environment has, so that no setting is forgotten here.
        if let json = try? JSON(parsing: CanonicalJSON.encode(settings)),
            let settings = json[kind.rawValue]
        {
            // Passwords are among the variables of a container.
            fields.show(settings, hiding: ["container"])
        }
        fields.show("policy for guest OSes", policy.guestOSes.map(\.text))
        fields.show("policy for images", policy.images.map(\.text))
        fields.show("approval", policy.needsApproval ? "required" : "none")
        fields.show("secret", secretName)
        fields.hide("password", password?.reveal)
        return fields
    }

    /// - Parameter password: the new one; `nil` if it stays as it is.
    func auditWords(since old: ReleaseEnvironment, password: Secret?) -> String {
        let words = auditFields().words(since: old.auditFields())
        return [words, password == nil ? "" : "password changed"].filter { !$0.isEmpty }
            .joined(separator: ", ")
    }
}

extension Principal {
    var auditFields: AuditFields {
        var fields = AuditFields()
        fields.show("role", role.rawValue)
        fields.show("teams", teams)
        fields.show("disabled", isDisabled)
        return fields
    }
}

extension FarmSecret {
    var auditFields: AuditFields {
        var fields = AuditFields()
        fields.show("guest OSes", guestOSes)
        fields.show("environments", environments)
        return fields
    }
}

extension APIToken {
    var auditFields: AuditFields {
        var fields = AuditFields()
        fields.show("name", name)
        fields.show("user", principal)
        fields.show("rights", rights.map(\.rawValue).sorted())
        fields.show("guest OSes", guestOSes)
        fields.show(
            "expires",
            expiresMilliseconds.map { UTCTime(unixMilliseconds: $0).text + " UTC" } ?? "never")
        return fields
    }
}
