/// The text of a notification as coordinator.yml has it, with placeholders such as `{build}`.
public struct MessageTemplate: Sendable, Hashable {
    private enum Field: String, CaseIterable {
        case build, kind, environment, owner, reason, seen, url
        case guestOS = "guest_os"
    }

    private enum Part: Sendable, Hashable {
        case text(String)
        case field(Field)
    }

    private var parts: [Part] = []
    /// Why it cannot be used; `nil` if it can.
    public private(set) var problem: String?

    public init(_ text: String) {
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            parts.append(.text(String(rest[..<open])))
            rest = rest[rest.index(after: open)...]
            let name = rest.prefix { $0 != "}" }
            guard let field = Field(rawValue: String(name)), name.endIndex < rest.endIndex else {
                let known = Field.allCases.map { "{\($0.rawValue)}" }.sorted()
                problem =
                    "{\(name.prefix(40)) begins none of the placeholders "
                    + known.joined(separator: ", ")
                return
            }
            parts.append(.field(field))
            rest = rest[rest.index(after: name.endIndex)...]
        }
        parts.append(.text(String(rest)))
    }

    /// What a value contains is not looked at again.
    func text(_ notification: Notification) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .field(.build): notification.build
            case .field(.kind): notification.kind.words
            case .field(.environment): notification.environment ?? ""
            case .field(.owner): notification.owner
            case .field(.reason): notification.reason ?? ""
            case .field(.seen): notification.seen ?? ""
            case .field(.url): notification.url ?? ""
            case .field(.guestOS): notification.guestOS
            }
        }.joined()
    }
}
