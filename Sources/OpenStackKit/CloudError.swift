@_exported public import ErrorKit
import HTTPClientKit
import HTTPTypes

/// Why a call to a cloud failed.
public struct CloudError: ExplainedError {
    public enum Code: FailureCode {
        /// User, password or domain.
        case credentials
        /// The user has no role in the project, or there is no such project.
        case project
        /// The catalog has no such region, interface or service.
        case catalog
        /// Glance rejects a token that Keystone has just issued.
        case tokenRefused
        case forbidden
        case notFound
        /// The image is in a state that does not allow it.
        case conflict
        /// The image was deleted during the upload.
        case gone
        /// A quota, the maximum size of an image, or the free space of the store.
        case tooLarge
        case refused
        case server
        case unreachable
        case tls
        /// The response cannot be understood.
        case answer
        /// What arrived is not what was sent.
        case digest
        /// Glance and this machine have no hash in common.
        case unverifiable
        /// The cloud changes the format of what it gets.
        case converted
        /// The cloud must download the image, and no address was given.
        case downloadOnly
        /// An upload ended without a response, or an image stays `saving`.
        case stuck
        /// All of an upload has arrived, and the image is not active yet.
        case unfinished
        /// What was to be sent could not be read.
        case source
        case cancelled

        public var isPermanent: Bool {
            switch self {
            case .credentials, .project, .catalog, .forbidden, .notFound, .tooLarge, .refused,
                .tls, .answer, .unverifiable, .converted, .downloadOnly:
                true
            case .tokenRefused, .conflict, .gone, .server, .unreachable, .digest, .stuck,
                .unfinished,
                .source,
                .cancelled:
                false
            }
        }
    }

    public var code: Code
    public var message: String
    public var cause: (any Error)?
    public var status: Int?
    /// Identifies the call in the logs of the cloud; part of the message.
    public var requestID: String?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension CloudError {
    /// From a response that reports a failure.
    init(_ answer: HTTPAnswer, to what: String, limits: OpenStackLimits) {
        let words = ErrorWords.shown(answer.body, limit: limits.shownWords)
        let said =
            "\(what): \(answer.status) \(HTTPStatus.reason(answer.status))"
            + (words.isEmpty ? "" : ", \"\(words)\"")
        switch answer.status {
        case 401: self.init(.tokenRefused, said)
        case 403:
            self.init(
                .forbidden,
                "\(said); the user lacks a role for this: grant it, or change the "
                    + "settings so that it is not needed")
        case 404: self.init(.notFound, said)
        case 409: self.init(.conflict, said)
        case 410: self.init(.gone, "\(said); somebody deleted the image during the upload")
        case 413 where answer.headers["x-openstack-request-id"] == nil:
            self.init(
                .tooLarge,
                "\(said); this is not Glance's response, but that of a proxy in front of it: "
                    + "raise its limit for bodies (nginx: client_max_body_size 0)")
        case 413:
            self.init(
                .tooLarge,
                "\(said); raise the project's quota or Glance's image_size_cap, make "
                    + "room in its store, or make the image smaller")
        case 300..<400:
            let place = ErrorWords.plain(answer.headers["Location"] ?? "elsewhere", limit: 200)
            self.init(
                .refused,
                "\(said), which redirects to \(place); correct the catalog, or set the URL of "
                    + "Glance (--image-url)")
        case 408, 425, 429, 500...: self.init(.server, said)
        default: self.init(.refused, said)
        }
        status = answer.status
        requestID = answer.headers["x-openstack-request-id"].map { ErrorWords.plain($0, limit: 80) }
        if let requestID { message += " (request \(requestID))" }
    }

    init(_ error: HTTPClientError, to what: String) {
        let code: Code =
            switch error.code {
            case .cancelled: .cancelled
            case .tls, .certificateRefused: .tls
            case .source: .source
            case .tooLarge, .tooManyRedirects, .protocolForbidden, .invalidRequest: .answer
            case .status: error.isPermanent ? .refused : .server
            default: .unreachable
            }
        // The library's message describes the certificate.
        let remedy =
            error.code == .tls
            ? ". The server must show a certificate for that name, signed by an authority that "
                + "this machine trusts; for one of your own, give the PEM file (ca-file)." : ""
        self.init(code, what + remedy, cause: error)
    }
}

/// The error message of a server as one line of plain text.
enum ErrorWords {
    private struct KeystoneError: Decodable {
        struct Body: Decodable { var message: String }
        var error: Body
    }

    /// Keystone answers in JSON, Glance in HTML.
    static func shown(_ body: [UInt8], limit: Int) -> String {
        if let error = try? JSON.decode(KeystoneError.self, body) {
            return plain(error.error.message, limit: limit)
        }
        var text = ""
        var isTag = false
        for character in String(decoding: body.prefix(16 << 10), as: UTF8.self) {
            switch character {
            case "<":
                isTag = true
                text += " "
            case ">": isTag = false
            default: if !isTag { text.append(character) }
            }
        }
        // The title, and the first heading, which repeats it.
        let words = plain(text, limit: 16 << 10)
        let title = title(body)
        let rest = words.hasPrefix("\(title) \(title)") ? words.dropFirst(title.count) : words[...]
        return plain(rest.trimmingPrefix(" ").trimmingPrefix(title), limit: limit)
    }

    private static func title(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(1 << 10), as: UTF8.self)
        guard let begin = text.firstRange(of: "<title>"),
            let end = text[begin.upperBound...].firstRange(of: "</title>")
        else { return "" }
        return plain(text[begin.upperBound..<end.lowerBound], limit: 100)
    }

    /// One line without control characters.
    static func plain(_ text: some StringProtocol, limit: Int) -> String {
        var entities = String(text)
        for (name, value) in [("&quot;", "'"), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">")] {
            entities = entities.replacing(name, with: value)
        }
        let printable = entities.replacing("&amp;", with: "&").unicodeScalars.map {
            $0.value < 0x20 || (0x7F..<0xA0).contains($0.value)
                || (0x2028...0x202E).contains($0.value) ? " " : Character($0)
        }
        return String(
            String(printable).split(separator: " ").joined(separator: " ").prefix(limit))
    }
}
