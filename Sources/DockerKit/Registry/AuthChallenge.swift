/// `Bearer realm="https://…",service="…",scope="repository:x:pull,push"`
struct AuthChallenge: Sendable, Hashable {
    /// In lower case.
    var scheme: String
    var fields: [String: String] = [:]

    init?(_ text: String) {
        var rest = text.drop { $0 == " " }
        scheme = rest.prefix { $0 != " " }.lowercased()
        guard !scheme.isEmpty else { return nil }
        rest = rest.dropFirst(scheme.count)
        while true {
            rest = rest.drop { $0 == " " || $0 == "," }
            let name = rest.prefix { $0 != "=" && $0 != "," }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, rest.first == "=" else { return }
            rest = rest.dropFirst()
            let value: Substring
            if rest.first == "\"" {
                rest = rest.dropFirst()
                value = rest.prefix { $0 != "\"" }
                rest = rest.dropFirst(value.count + 1)
            } else {
                value = rest.prefix { $0 != "," }
                rest = rest.dropFirst(value.count)
            }
            fields[name.lowercased()] = String(value)
        }
    }
}

public struct RegistryCredentials: Sendable, Hashable {
    public var user: String
    public var password: String

    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }
}
