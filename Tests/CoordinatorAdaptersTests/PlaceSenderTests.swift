import CoordinatorAdapters
import CoordinatorCore
import HTTPServerKit
import HTTPTypes
import Support
import Synchronization
import Testing
import TextKit

/// Chats and webhooks over HTTP.
@Suite(.timeLimit(.minutes(1))) struct PlaceSenderTests {
    private let message = NotificationMessage(title: "t", text: "the text", key: "k")

    /// Serves one answer, and hands out what was posted.
    private func withChat(
        _ answer: HTTPResponse,
        _ body: (_ url: String, _ posted: () -> [HTTPRequest]) async throws -> Void
    ) async throws {
        let posted = Mutex<[HTTPRequest]>([])
        let server = HTTPServer(host: "127.0.0.1", port: 0) { request in
            posted.withLock { $0.append(request) }
            return answer
        }
        try server.start()
        do {
            try await body("http://127.0.0.1:\(server.boundPort)/services/c0ffeec0ffee") {
                posted.withLock(\.self)
            }
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func send(
        _ url: String, _ chat: NotificationAddress.Chat = .slack
    ) async throws {
        let address = NotificationAddress(.chat(chat, url: Secret(url), secret: nil))
        try await PlaceSender(["chat": address]).send(message, to: "chat")
    }

    private func answer(
        _ status: Int, _ body: String = "", headers: HTTPHeaders = [:]
    ) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: .bytes(Array(body.utf8)))
    }

    @Test("A chat is posted the message, a webhook with its signature")
    func posts() async throws {
        try await withChat(answer(200, "ok")) { url, posted in
            try await send(url)
            let address = NotificationAddress(.webhook(url: url, secret: Secret("a secret")))
            try await PlaceSender(["hook": address]).send(message, to: "hook")
            let all = posted()
            #expect(all.map(\.method) == ["POST", "POST"])
            #expect(all.allSatisfy { $0.path == "/services/c0ffeec0ffee" })
            #expect(all.allSatisfy { $0.headers["Content-Type"] == "application/json" })
            #expect(try JSON(parsing: all[0].body)["text"] == "the text")
            #expect(all[0].headers["webhook-id"] == nil)
            #expect(try JSON(parsing: all[1].body)["title"] == "t")
            let id = try #require(all[1].headers["webhook-id"])
            let digest = StandardWebhook.digest(
                id: id, timestamp: try #require(all[1].headers["webhook-timestamp"]), all[1].body,
                secret: "a secret")
            let given = try #require(all[1].headers["webhook-signature"])
            #expect(given.hasPrefix("v1,") && digest?.count == 32)
        }
    }

    @Test(
        "A refusal of the message is final, everything else is tried again; none has the address",
        arguments: [
            (400, "invalid_payload", true), (413, "", true), (404, "no_service", false),
            (403, "invalid_token c0ffeec0ffee", false), (429, "slow down", false),
            (503, "cannot POST /services/c0ffeec0ffee", false), (302, "", false),
        ])
    func refusals(_ status: Int, _ said: String, isPermanent: Bool) async throws {
        let response = answer(status, said, headers: ["Location": "/elsewhere"])
        try await withChat(response) { url, posted in
            let fault = await #expect(throws: NotificationFault.self) { try await send(url) }
            #expect(fault?.isPermanent == isPermanent)
            let text = "\(try #require(fault))"
            #expect(text.contains("\(status)") && text.contains("127.0.0.1"), "\(text)")
            #expect(!text.contains("c0ffee"), "\(text)")
            #expect(posted().count == 1, "redirects are not followed")
        }
    }

    @Test("DingTalk and WeCom say in the body that they refused a message")
    func errorCodes() async throws {
        try await withChat(answer(200, #"{"errcode":310000,"errmsg":"sign not match"}"#)) {
            url, _ in
            let fault = await #expect(throws: NotificationFault.self) {
                try await send(url, .dingtalk)
            }
            #expect(fault?.isPermanent == false)
            let text = "\(try #require(fault))"
            #expect(text.contains("sign not match"), "\(text)")
        }
        try await withChat(answer(200, #"{"errcode":0,"errmsg":"ok"}"#)) { url, _ in
            try await send(url, .wecom)
        }
    }

    @Test("A server that is away is named, without the rest of the address")
    func away() async throws {
        let fault = await #expect(throws: NotificationFault.self) {
            try await send("http://127.0.0.1:1/services/c0ffeec0ffee?sig=abcdefghi")
        }
        let text = "\(try #require(fault))"
        #expect(fault?.isPermanent == false && text.contains("127.0.0.1:1"), "\(text)")
        #expect(!text.contains("c0ffee") && !text.contains("abcdefghi"), "\(text)")
    }
}
