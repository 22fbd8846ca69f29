import HTTPServerKit
import HTTPTypes
import Support
import Synchronization
import TextKit

/// A sign-in by a browser on this machine: the person allows it on a page of the coordinator, and
/// the browser brings a code to a port that is open here meanwhile.
enum BrowserLogin {
    /// As long as a person needs to sign in elsewhere first.
    private static let limitSeconds = 15 * 60

    private struct Form: Encodable {
        var code, verifier, tokenName: String
        var days: Int?
    }

    /// - Returns: the coordinator's answer, which has the token.
    static func token(
        _ context: CommandContext, name: String, days: Int?
    ) async throws -> [UInt8] {
        let verifier = secret()
        let state = secret()
        let (codes, arrival) = AsyncStream.makeStream(of: String.self)
        let server = HTTPServer(host: "127.0.0.1", port: 0) { request in
            answer(to: request, state, arrival)
        }
        do { try server.start() } catch { throw CommandError(.usage, "\(error)") }
        let challenge = PKCE.challenge(of: verifier)
        let url =
            "\(context.api.firstURL)/account/command-line?port=\(server.boundPort)"
            + "&challenge=\(challenge)&state=\(state)"
        context.console.err(
            "Open this address in a browser on this machine, sign in and allow it:\n\n  "
                + "\(SafeText.line(url))\n\n")
        let limit = Task {
            try await Task.sleep(for: .seconds(limitSeconds))
            arrival.finish()
        }
        let code = await codes.first { _ in true }
        limit.cancel()
        await server.stop()
        guard let code else {
            throw CommandError(
                .refused,
                "No browser came back within \(limitSeconds / 60) minutes. Run it again; on a "
                    + "machine without a browser, sign in with a name and a password")
        }
        return try await context.api.send(
            "POST", "/api/v1/sign-in/code",
            Form(code: code, verifier: verifier, tokenName: name, days: days))
    }

    /// 256 bits of the system's.
    private static func secret() -> String {
        Hex.encode((0..<32).map { _ in UInt8.random(in: .min ... .max) })
    }

    private static func answer(
        to request: HTTPRequest, _ state: String, _ arrival: AsyncStream<String>.Continuation
    ) -> HTTPResponse {
        // Other users of this machine reach the port as well.
        guard request.path == "/", request.method == "GET", let code = request.query["code"],
            HMAC.isEqual(Array((request.query["state"] ?? "").utf8), Array(state.utf8))
        else { return .text("This is not the answer to the sign-in.\n", status: 403) }
        arrival.yield(code)
        return .text("The command line is signed in. You can close this window.\n")
    }
}
