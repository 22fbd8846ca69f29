import CoordinatorCore
import FoundationEssentials
import HTTPTypes
import Support
import TextKit

/// The request that writes a message to a chat, as each documents it.
struct ChatRequest {
    var url: String
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    var body: [UInt8]

    init(
        _ chat: NotificationAddress.Chat, url: String, secret: String?,
        _ message: NotificationMessage, nowMilliseconds now: Int64
    ) {
        self.url = url
        let text = JSON.string(message.text)
        let json: JSON =
            switch chat {
            case .slack: ["text": text, "unfurl_links": false]
            case .mattermost: ["text": text]
            case .teams: Self.card(message)
            case .dingtalk, .wecom: ["msgtype": "text", "text": ["content": text]]
            }
        body = json.bytes
        if chat == .dingtalk, let secret {
            let digest = HMAC.sha256(Array("\(now)\n\(secret)".utf8), key: Array(secret.utf8))
            let sign = PercentCoding.encode(Data(digest).base64EncodedString())
            self.url += (url.contains("?") ? "&" : "?") + "timestamp=\(now)&sign=\(sign)"
        }
    }

    /// A text block would be read as Markdown, a run of text is shown as it is.
    private static func card(_ message: NotificationMessage) -> JSON {
        let lines = message.text.lines.map { line -> JSON in
            [
                "type": "RichTextBlock",
                "inlines": [["type": "TextRun", "text": .string(String(line))]],
            ]
        }
        var content: [String: JSON] = [
            "type": "AdaptiveCard", "version": "1.4",
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "body": .array(lines),
        ]
        if message.notifications.count == 1, let url = message.notifications.first?.url {
            content["actions"] = [
                ["type": "Action.OpenUrl", "title": "Open the build", "url": .string(url)]
            ]
        }
        return [
            "type": "message",
            "attachments": [
                [
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": .object(content),
                ]
            ],
        ]
    }

    private struct Event: Encodable {
        var title, text: String
        var notifications: [Item]

        struct Item: Encodable {
            var id, kind, guestOS, build, owner, at: String
            var environment, reason, seen, url: String?

            init(_ notification: CoordinatorCore.Notification) {
                id = notification.id
                kind = notification.kind.rawValue
                guestOS = notification.guestOS
                build = notification.build
                owner = notification.owner
                at = UTCTime(unixMilliseconds: notification.atMilliseconds).rfc3339Milliseconds
                environment = notification.environment
                reason = notification.reason
                seen = notification.seen
                url = notification.url
            }
        }
    }

    /// What programs are told, as JSON.
    static func event(_ message: NotificationMessage) throws -> [UInt8] {
        try CanonicalJSON.encode(
            Event(
                title: message.title, text: message.text,
                notifications: message.notifications.map(Event.Item.init)))
    }

    /// Signed as Standard Webhooks are, so that receivers can use a library.
    init(
        webhook url: String, secret: String, _ message: NotificationMessage, _ place: String,
        nowMilliseconds now: Int64
    ) throws {
        self.url = url
        body = try Self.event(message)
        let id = "msg_" + message.digest(place)
        let timestamp = "\(now / 1000)"
        guard
            let digest = StandardWebhook.digest(
                id: id, timestamp: timestamp, body, secret: secret)
        else { throw NotificationFault("the secret after whsec_ is no base64") }
        headers.set("webhook-id", id)
        headers.set("webhook-timestamp", timestamp)
        headers.set("webhook-signature", "v1," + Data(digest).base64EncodedString())
    }
}
