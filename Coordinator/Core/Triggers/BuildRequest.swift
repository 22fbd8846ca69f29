import BuildProtocol
import FoundationEssentials

/// A request for a build that came by a message queue.
public struct BuildRequest: Sendable, Hashable, Codable {
    /// Of the requester: a message that comes again has the same one.
    public var id: String
    public var guestOS: String
    /// Over those of the guest OS.
    public var variables: [String: String]
    public var ref: String?
    public var reason: String
    /// Who put it there, as the server has checked; `nil` if the message does not say.
    public var user: String?
    /// A queue that gets the answers too.
    public var replyTo: String?
    public var correlationID: String?
    /// The profile whose change requests it.
    public var profile: String?

    public init(
        id: String, guestOS: String, variables: [String: String] = [:], ref: String? = nil,
        reason: String = "", user: String? = nil, replyTo: String? = nil,
        correlationID: String? = nil
    ) {
        self.id = id
        self.guestOS = guestOS
        self.variables = variables
        self.ref = ref
        self.reason = reason
        self.user = user
        self.replyTo = replyTo
        self.correlationID = correlationID
    }

    /// Whether it asks for the same as another one, whoever sent it.
    public func asksForTheSame(as other: BuildRequest) -> Bool {
        guestOS == other.guestOS && variables == other.variables && ref == other.ref
    }

    /// `request 4711 of jenkins: nightly`
    public var cause: String {
        if let profile { return "profile \(profile) \(reason)" }
        return "request \(id)" + (user.map { " of \($0)" } ?? "")
            + (reason.isEmpty ? "" : ": \(reason)")
    }

    // MARK: Messages

    public enum Bounds {
        public static let bodyBytes = DeliveryRules.payloadBytes
        static let idBytes = 200
        static let refBytes = 255
        /// So that it fits the reason of a build with its id.
        static let reasonBytes = 2_000
    }

    /// Reads a message.
    /// - Throws: `UnusedReport`, which says what is wrong with it.
    public static func read(
        _ body: [UInt8], messageID: String?, correlationID: String?, replyTo: String?,
        user: String?
    ) throws(UnusedReport) -> BuildRequest {
        let fields: Fields
        do { fields = try JSONDecoder().decode(Fields.self, from: Data(body)) } catch {
            throw UnusedReport(Fields.problem(error))
        }
        let request = BuildRequest(
            id: try id(fields.id ?? messageID ?? correlationID), guestOS: fields.guestOS,
            variables: fields.variables ?? [:], ref: fields.ref, reason: fields.reason ?? "",
            user: text(user), replyTo: text(replyTo), correlationID: text(correlationID))
        if let problem = Names.problem(request.guestOS, what: "name of a guest OS") {
            throw UnusedReport("guestOS: \(problem)")
        }
        if let problem = GuestOS.problem(ofVariables: request.variables) {
            throw UnusedReport("variables: \(problem)")
        }
        if let ref = request.ref, ref.isEmpty || ref.utf8.count > Bounds.refBytes {
            throw UnusedReport("ref: expected a branch, tag or commit")
        }
        if request.reason.utf8.count > Bounds.reasonBytes
            || request.reason.unicodeScalars.contains(where: isControl)
        {
            throw UnusedReport(
                "reason: has more than \(Bounds.reasonBytes) bytes, or control characters")
        }
        return request
    }

    /// The id of a body that is no request, for the answer; `nil` if it has none.
    public static func id(in body: [UInt8]) -> String? {
        struct Fields: Decodable { var id: String? }
        let fields = try? JSONDecoder().decode(Fields.self, from: Data(body))
        return fields.flatMap { try? id($0.id) }
    }

    private static func id(_ text: String?) throws(UnusedReport) -> String {
        guard let text, !text.isEmpty else {
            throw UnusedReport(
                "the message has no id, so that it would be built twice if it came twice: set its "
                    + "property message_id, or \"id\" in its body")
        }
        guard text.utf8.count <= Bounds.idBytes, !text.unicodeScalars.contains(where: isControl)
        else {
            throw UnusedReport(
                "id: has more than \(Bounds.idBytes) bytes, or control characters")
        }
        return text
    }

    /// A property as far as it can be used.
    private static func text(_ property: String?) -> String? {
        guard let property, !property.isEmpty, property.utf8.count <= 255 else { return nil }
        return property
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || scalar.value == 0x7F
    }
}

/// The body of a message. An unknown key is an error: a misspelt one would build something else.
private struct Fields: Decodable {
    enum Keys: String, CodingKey, CaseIterable { case id, guestOS, variables, ref, reason }

    struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    struct UnknownKey: Error { var name: String }

    var id: String?
    var guestOS: String
    var variables: [String: String]?
    var ref, reason: String?

    init(from decoder: any Decoder) throws {
        let all = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
        if let unknown = all.first(where: { Keys(rawValue: $0) == nil }) {
            throw UnknownKey(name: unknown)
        }
        let values = try decoder.container(keyedBy: Keys.self)
        id = try values.decodeIfPresent(String.self, forKey: .id)
        guestOS = try values.decode(String.self, forKey: .guestOS)
        variables = try values.decodeIfPresent([String: String].self, forKey: .variables)
        ref = try values.decodeIfPresent(String.self, forKey: .ref)
        reason = try values.decodeIfPresent(String.self, forKey: .reason)
    }

    static func problem(_ error: any Error) -> String {
        let keys = Keys.allCases.map(\.rawValue).joined(separator: ", ")
        func place(_ path: [any CodingKey], _ last: (any CodingKey)? = nil) -> String {
            (path + [last].compactMap(\.self)).map { $0.stringValue.prefixOfUTF8(80) }
                .joined(separator: ".")
        }
        switch error {
        case let unknown as UnknownKey:
            return "unknown key \(Names.quoted(unknown.name.prefixOfUTF8(80))); there are: \(keys)"
        case DecodingError.keyNotFound(let key, _): return "the key \(key.stringValue) is missing"
        case DecodingError.typeMismatch(_, let context) where context.codingPath.isEmpty:
            return "the body is no JSON object"
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            let what = place(context.codingPath)
            return what == "variables"
                ? "variables: expected an object of texts" : "\(what): expected a text"
        default: return "the body is no JSON object"
        }
    }
}
