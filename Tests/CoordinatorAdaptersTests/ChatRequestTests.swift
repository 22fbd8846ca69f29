import CoordinatorCore
import FoundationEssentials
import HTTPTypes
import Support
import Testing
import TextKit

@testable import CoordinatorAdapters

/// Messages as each chat documents them.
@Suite("Chats") struct ChatRequestTests {
    private static let event = CoordinatorCore.Notification(
        id: "build 1", .failed, guestOS: "a", build: "a:1", owner: "o", url: "https://farm/1",
        atMilliseconds: 0)
    private let message = NotificationMessage(
        title: "t", text: "a \"quoted\" text\nof two lines", notifications: [Self.event])

    private func body(_ chat: NotificationAddress.Chat) throws -> JSON {
        try JSON(
            parsing: ChatRequest(
                chat, url: "https://c/x", secret: nil, message, nowMilliseconds: 0
            ).body)
    }

    @Test("Every chat gets the text where it looks for it")
    func bodies() throws {
        let text = JSON.string(message.text)
        #expect(try body(.slack) == ["text": text, "unfurl_links": false])
        #expect(try body(.mattermost) == ["text": text])
        for chat in [NotificationAddress.Chat.dingtalk, .wecom] {
            #expect(try body(chat) == ["msgtype": "text", "text": ["content": text]])
        }
        guard case .array(let attachments)? = try body(.teams)["attachments"] else {
            throw Failure("no attachments")
        }
        let card = try #require(attachments.first?["content"])
        #expect(
            card["body"] == [
                [
                    "type": "RichTextBlock",
                    "inlines": [["type": "TextRun", "text": "a \"quoted\" text"]],
                ],
                [
                    "type": "RichTextBlock",
                    "inlines": [["type": "TextRun", "text": "of two lines"]],
                ],
            ])
        #expect(
            card["actions"] == [
                ["type": "Action.OpenUrl", "title": "Open the build", "url": "https://farm/1"]
            ])
    }

    @Test("DingTalk's requests are signed with the time, webhooks as Standard Webhooks")
    func signatures() throws {
        let signed = ChatRequest(
            .dingtalk, url: "https://c/x?access_token=a", secret: "SEC", message,
            nowMilliseconds: 1_000)
        let digest = HMAC.sha256(Array("1000\nSEC".utf8), key: Array("SEC".utf8))
        let sign = PercentCoding.encode(Data(digest).base64EncodedString())
        #expect(signed.url == "https://c/x?access_token=a&timestamp=1000&sign=\(sign)")
        let webhook = try ChatRequest(
            webhook: "https://w", secret: "s", message, "place", nowMilliseconds: 5_000)
        let id = try #require(webhook.headers["webhook-id"])
        #expect(webhook.headers["webhook-timestamp"] == "5")
        let own = StandardWebhook.digest(id: id, timestamp: "5", webhook.body, secret: "s")
        #expect(
            webhook.headers["webhook-signature"]
                == "v1," + Data(try #require(own)).base64EncodedString())
        let again = try ChatRequest(
            webhook: "https://w", secret: "s", message, "place", nowMilliseconds: 99_000)
        #expect(again.headers["webhook-id"] == id, "sent again, it is the same message")
        let other = try ChatRequest(
            webhook: "https://w", secret: "s", message, "other", nowMilliseconds: 5_000)
        #expect(other.headers["webhook-id"] != id)
        guard case .array(let events)? = try JSON(parsing: webhook.body)["notifications"] else {
            throw Failure("no notifications")
        }
        #expect(events.first?["id"] == "build 1")
    }

    /// The example of standardwebhooks.com.
    @Test("The signature is that of the specification")
    func specified() throws {
        let digest = StandardWebhook.digest(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330",
            Array(#"{"test": 2432232314}"#.utf8), secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        #expect(
            Data(try #require(digest)).base64EncodedString()
                == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("What is said about a chat has its server, and no part of its address that is secret")
    func hidden() {
        let url = "https://hooks.example.org/services/T0123456/B0123456/c0ffeec0ffee?sig=abcdefgh1"
        let hidden = HiddenAddress(url)
        for text in [
            "cannot connect to \(url): refused",
            "cannot POST /services/T0123456/B0123456/c0ffeec0ffee",
            "token c0ffeec0ffee is unknown", "at https://hooks.example.org/services/T0123456/B01",
            "no sig abcdefgh1",
        ] {
            let said = hidden.hide(text)
            for part in ["T0123456", "B0123456", "c0ffee", "abcdefgh1", "B01"] {
                #expect(!said.contains(part), "\(said)")
            }
        }
        #expect(hidden.hide("no_service") == "no_service")
        #expect(
            hidden.hide("cannot connect to \(url): no")
                == "cannot connect to https://hooks.example.org/…: no")
    }
}
