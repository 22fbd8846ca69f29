import CoordinatorCore

/// What a change of a registered thing did, as the audit log has it: `owner: a → b, retired: no →
/// yes`. What may hold a secret is named without its values.
enum ChangedFields {
    typealias Field = (name: String, old: String, new: String)

    static func words(_ fields: [Field], withoutValues: [(name: String, isChanged: Bool)] = [])
        -> String
    {
        let shown = fields.filter { $0.old != $0.new }.map {
            "\($0.name): \(shortened($0.old)) → \(shortened($0.new))"
        }
        let named = withoutValues.filter(\.isChanged).map { "another \($0.name)" }
        return (shown + named).joined(separator: ", ")
    }

    /// A field of the audit log is for people.
    private static func shortened(_ text: String) -> String {
        text.isEmpty ? "none" : text.count > 200 ? text.prefix(200) + "…" : text
    }
}

extension GuestOS {
    func changes(since old: GuestOS) -> String {
        ChangedFields.words(
            [
                ("type", old.type.rawValue, type.rawValue), ("distro", old.distro, distro),
                ("version", old.version, version), ("base ISO", old.baseISO, baseISO),
                ("template", old.template.shown, template.shown),
                ("path", old.templatePath ?? "", templatePath ?? ""), ("owner", old.owner, owner),
                ("retired", old.isRetired ? "yes" : "no", isRetired ? "yes" : "no"),
            ],
            // They may hold passwords.
            withoutValues: [("variables", old.variables != variables)])
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
