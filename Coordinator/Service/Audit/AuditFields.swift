import BuildProtocol
import Support
import TextKit

/// The fields of a registered thing, as rows of the audit log have them. What may hold a secret is
/// named without its value.
struct AuditFields: Sendable {
    private struct Field: Sendable {
        var name: String
        /// Empty: it is not set.
        var value: String
        var isHidden = false
        /// Of a list, of which a change names only what was added and removed.
        var items: [String]?
    }

    private var fields: [Field] = []

    mutating func show(_ name: String, _ value: String?) {
        fields.append(Field(name: name, value: value ?? ""))
    }

    mutating func show(_ name: String, _ values: [String]) {
        fields.append(
            Field(name: name, value: values.joined(separator: ", "), items: values))
    }

    mutating func show(_ name: String, _ value: Bool) { show(name, value ? "yes" : "no") }

    /// - Parameter value: is compared, and never shown.
    mutating func hide(_ name: String, _ value: String?) {
        fields.append(Field(name: name, value: value ?? "", isHidden: true))
    }

    /// Fields by the names that the API has for them, in the order of these names. Lists of objects
    /// are told apart by their `name`.
    /// - Parameter secret: names of those that may hold a secret.
    mutating func show(_ json: JSON, as name: String = "", hiding secret: Set<String> = []) {
        let prefix = name.isEmpty ? "" : name + "."
        switch json {
        case .null: return
        case .bool(let value): show(name, value)
        case .int(let value): show(name, "\(value)")
        case .double(let value): show(name, "\(value)")
        case .string(let value): show(name, value)
        case .object(let members):
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                if secret.contains(key) {
                    hide(prefix + key, value.text)
                } else {
                    show(value, as: prefix + key, hiding: secret)
                }
            }
        case .array(let items):
            let texts = items.compactMap(\.text)
            if texts.count == items.count { return show(name, texts) }
            for (index, item) in items.enumerated() {
                show(
                    item, as: prefix + (item["name"]?.text ?? "\(index)"), hiding: secret)
            }
        }
    }

    /// What a thing has that is added or removed: `type: linux, owner: ops, variable CODE set`.
    var words: String { words(since: nil) }

    /// What a change did: `owner: a → b, teams: +web -ops, variable CODE changed`; or empty.
    func words(since old: AuditFields) -> String { words(since: .some(old)) }

    private func words(since old: AuditFields?) -> String {
        let before = Dictionary(
            (old?.fields ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }
        )
        let names = Set(fields.map(\.name))
        let gone = (old?.fields ?? []).filter { !names.contains($0.name) }.map { field in
            Field(name: field.name, value: "", isHidden: field.isHidden)
        }
        return (fields + gone).compactMap { field in
            let was = before[field.name]?.value ?? ""
            if was == field.value { return nil }
            if field.isHidden {
                return field.name
                    + (was.isEmpty ? " set" : field.value.isEmpty ? " removed" : " changed")
            }
            if old == nil { return "\(field.name): \(Self.shortened(field.value))" }
            if let items = Self.difference(before[field.name]?.items, field.items) {
                return "\(field.name): \(Self.shortened(items))"
            }
            return "\(field.name): \(Self.shortened(was)) → \(Self.shortened(field.value))"
        }.joined(separator: ", ")
    }

    /// `+added -removed`; `nil` if one of them is empty, or if only their order differs.
    private static func difference(_ old: [String]?, _ new: [String]?) -> String? {
        guard let old, let new, !old.isEmpty, !new.isEmpty else { return nil }
        let words =
            new.filter { !old.contains($0) }.map { "+" + $0 }
            + old.filter { !new.contains($0) }.map { "-" + $0 }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }

    /// A row is for people. What is cut off has a digest, by which two long texts are told apart.
    private static func shortened(_ text: String) -> String {
        if text.isEmpty { return "none" }
        let limit = AuditText.valueBytes
        let line = text.prefixOfUTF8(limit).visible
        guard text.utf8.count > limit else { return line }
        let digest = SHA256.hex(text.utf8).prefix(12)
        return "\(line)… (\(text.utf8.count) bytes, SHA-256 \(digest)…)"
    }
}

/// How long a text of a row may be, each limit with its reason.
enum AuditText {
    /// A name, an address or a line, not a script.
    static let valueBytes = 200
    /// Every field of the largest thing that is registered by hand; a row is a line of a list.
    static let bytes = 4096

    /// The text with what is beyond the limit cut off, visibly.
    static func bounded(_ text: String) -> String {
        guard text.utf8.count > bytes else { return text }
        return text.prefixOfUTF8(bytes) + "… (\(text.utf8.count) bytes)"
    }
}
