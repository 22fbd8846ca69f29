public import AMQPKit
public import CoordinatorCore
import HTTPClientKit
import HTTPTypes
public import MailKit
import Support
import TextKit

/// Where the messages for one place go.
public struct NotificationAddress: Sendable {
    /// Each takes another form of message.
    public enum Chat: String, Sendable, CaseIterable {
        case slack
        /// Mattermost, Rocket.Chat.
        case mattermost
        case teams
        case dingtalk
        /// WeCom (WeChat Work).
        case wecom
    }

    public enum Way: Sendable {
        /// Whoever has the address of a chat can write there.
        case chat(Chat, url: Secret, secret: Secret?)
        /// Signed as Standard Webhooks are.
        case webhook(url: String, secret: Secret)
        case mail(MailServer, from: String, to: [String])
        /// Messages of RabbitMQ.
        case queue(AMQPEndpoint, exchange: String, routingKey: String)
    }

    public var way: Way
    /// A file of trusted authorities; `nil`: the system's.
    public var authorities: String?

    public init(_ way: Way, authorities: String? = nil) {
        self.way = way
        self.authorities = authorities
    }
}

/// Sends notifications to chats, webhooks and mailboxes.
public struct PlaceSender: NotificationSender {
    private let places: [String: NotificationAddress]
    private let clients: [String: HTTPClient]
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 10, stallSeconds: 20, totalSeconds: 30)

    /// - Parameter places: by their names.
    public init(_ places: [String: NotificationAddress]) {
        self.places = places
        var limits = HTTPClientLimits()
        limits.answerBytes = 1 << 20
        // A message goes to the address that an operator wrote, and nowhere else.
        limits.trustedRedirects = 0
        clients = places.mapValues {
            HTTPClient(limits: limits, tls: TLSFiles(authorities: $0.authorities))
        }
    }

    public func send(_ message: NotificationMessage, to place: String) async throws {
        let now = Clocks.unixMilliseconds()
        guard let address = places[place], let http = clients[place] else {
            throw NotificationFault("there is no such place any more")
        }
        switch address.way {
        case .mail(let server, let from, let to):
            let mail = MailMessage(
                from: from, to: to, subject: "aibuild: \(message.title)", text: message.text,
                key: message.digest(place), atMilliseconds: now)
            do throws(MailError) {
                let refused = try await server.send(mail)
                guard !refused.isEmpty else { return }
                Logger("notifications").warning(
                    "\(place): the mail server refuses " + refused.joined(separator: ", "))
            } catch {
                throw NotificationFault(
                    error.isPermanent ? .usual : .unavailable, error.description)
            }
        case .chat(let chat, let url, let secret):
            let request = ChatRequest(
                chat, url: url.reveal, secret: secret?.reveal, message, nowMilliseconds: now)
            try await post(request, HiddenAddress(url.reveal), http)
        case .queue(let endpoint, let exchange, let routingKey):
            do {
                try await publish(
                    AMQPMessage(
                        exchange: exchange, routingKey: routingKey,
                        messageID: message.digest(place), contentType: "application/json",
                        type: "aibuild.notification", appID: "aibuild",
                        body: try ChatRequest.event(message)), to: endpoint)
            } catch let error as AMQPError {
                // Once the server is as it should be, it takes the same message.
                throw NotificationFault(.unavailable, error.description)
            }
        case .webhook(let url, let secret):
            let request = try ChatRequest(
                webhook: url, secret: secret.reveal, message, place, nowMilliseconds: now)
            try await post(request, HiddenAddress(url), http)
        }
    }

    /// By a session of its own: there is at most one message in some seconds.
    private func publish(_ message: AMQPMessage, to endpoint: AMQPEndpoint) async throws {
        let session = try await AMQPSession.open(
            endpoint, from: 0, AMQPNeeds(exchanges: [message.exchange]))
        do { try await session.publish(message) } catch {
            await session.close()
            throw error
        }
        await session.close()
    }

    private func post(
        _ request: ChatRequest, _ hidden: HiddenAddress, _ http: HTTPClient
    ) async throws {
        let answer: HTTPAnswer
        do throws(HTTPClientError) {
            answer = try await http.request(
                "POST", request.url, headers: request.headers, body: request.body,
                timeouts: Self.timeouts)
        } catch {
            throw NotificationFault(.unavailable, hidden.hide(error.description))
        }
        // Some repeat the path of the request.
        let said = hidden.hide(String(decoding: answer.body.prefix(300), as: UTF8.self).visible)
        guard (200..<300).contains(answer.status) else {
            let isOfMessage = [400, 413, 422].contains(answer.status)
            throw NotificationFault(
                isOfMessage ? .usual : .unavailable,
                "\(hidden.shown) responded with \(answer.status)"
                    + (said.isEmpty ? "" : " (\(said))"))
        }
        // DingTalk and WeCom answer 200 to everything.
        if let code = (try? JSON(parsing: answer.body))?["errcode"], code != .int(0) {
            throw NotificationFault(.unavailable, "\(hidden.shown) refused the message (\(said))")
        }
    }
}

/// The address of a chat's webhook is a password: what is said about it shows the server alone.
struct HiddenAddress {
    /// `https://hooks.slack.com/…`
    let shown: String
    /// The parts that are secret, the longest first.
    private let secrets: [String]

    /// Shorter parts of a path are words such as `hooks`.
    private static let secretBytes = 8

    init(_ url: String) {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        let host = parts.dropFirst(2).first?.split(separator: "@").last ?? ""
        shown = "\(parts.first ?? "")//\(host)/…"
        let rest = parts.count == 4 ? parts[3] : ""
        let words = rest.split { "/?&=#".contains($0) }.filter {
            $0.utf8.count >= Self.secretBytes
        }
        secrets = ([rest] + words).filter { !$0.isEmpty }.map(String.init)
            .sorted { $0.utf8.count > $1.utf8.count }
    }

    func hide(_ text: String) -> String {
        let short = text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            // The client shortens long addresses, so that their parts are not found.
            guard word.contains("://") else { return String(word) }
            return shown + (word.last.map { ":;".contains($0) ? String($0) : "" } ?? "")
        }.joined(separator: " ")
        return secrets.reduce(short) { text, secret in
            secret.utf8.count < Self.secretBytes ? text : text.replacing(secret, with: "…")
        }
    }
}

extension NotificationMessage {
    /// The same for the same events at the same place.
    func digest(_ place: String) -> String {
        String(SHA256.hex(Array("\(place)\n\(key)".utf8)).prefix(32))
    }
}
