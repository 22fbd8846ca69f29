import CoordinatorCore
import CoordinatorService
import Support
import Testing

/// How a request proves that it is from a hook.
@Suite struct HookSourceTests {
    private func isGenuine(
        _ kind: ReportKind, secret: String, _ headers: [String: String], _ body: String,
        now: Int64 = 0
    ) -> Bool {
        HookSource(name: "h", kind: kind, url: "https://git", secret: Secret(secret)).isGenuine(
            { headers[$0] }, Array(body.utf8), nowMilliseconds: now)
    }

    /// From "Validating webhook deliveries" of GitHub's documentation.
    @Test("The example of GitHub's documentation is genuine, and anything else is not")
    func gitHub() {
        let secret = "It's a Secret to Everybody"
        let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        func check(_ signature: String?, _ body: String = "Hello, World!") -> Bool {
            isGenuine(
                .github, secret: secret,
                signature.map { ["X-Hub-Signature-256": $0] } ?? [:], body)
        }
        #expect(check("sha256=" + digest))
        for wrong in [
            nil, "", "sha256=", digest, "sha1=" + digest, "sha256=" + digest.dropLast(),
            "sha256=" + digest + "0", "sha256=" + String(repeating: "0", count: 64),
        ] { #expect(!check(wrong), "\(wrong ?? "none")") }
        #expect(!check("sha256=" + digest, "Hello, World"))
    }

    /// From the specification of Standard Webhooks.
    @Test("The example of Standard Webhooks is genuine within five minutes")
    func standard() {
        let headers = [
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
            "webhook-signature":
                "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= "
                + "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ]
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        func check(_ headers: [String: String], at seconds: Int64) -> Bool {
            isGenuine(
                .signed, secret: secret, headers, #"{"test": 2432232314}"#, now: seconds * 1000)
        }
        for offset in [-300, 0, 300] as [Int64] {
            #expect(check(headers, at: 1_614_265_330 + offset))
        }
        for offset in [-301, 301] as [Int64] {
            #expect(!check(headers, at: 1_614_265_330 + offset))
        }
        for name in headers.keys {
            var other = headers
            other[name] = "9223372036854775807"
            #expect(!check(other, at: 1_614_265_330), "\(name)")
            other[name] = nil
            #expect(!check(other, at: 1_614_265_330), "no \(name)")
        }
    }

    @Test("Gitea signs without a prefix, Bitbucket with one, GitLab sends its secret")
    func others() {
        let (secret, body) = ("a long enough secret", "{}")
        let digest = HMAC.sha256(Array(body.utf8), key: Array(secret.utf8))
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(isGenuine(.gitea, secret: secret, ["X-Gitea-Signature": digest], body))
        #expect(isGenuine(.gitea, secret: secret, ["X-Forgejo-Signature": digest], body))
        #expect(
            isGenuine(.bitbucket, secret: secret, ["X-Hub-Signature": "sha256=" + digest], body))
        #expect(!isGenuine(.bitbucket, secret: secret, ["X-Hub-Signature": digest], body))
        #expect(isGenuine(.gitlab, secret: secret, ["X-Gitlab-Token": secret], body))
        #expect(!isGenuine(.gitlab, secret: secret, ["X-Gitlab-Token": secret + "x"], body))
        #expect(!isGenuine(.gitlab, secret: secret, [:], body))
    }

    @Test("A template is found by its project, or by its address if the hook has no server")
    func projects() {
        let template = TemplateSource.git(url: "git@git.example.org:team/a.git", ref: "main")
        let server = HookSource(
            name: "h", kind: .gitea, url: "https://git.example.org", secret: Secret("s"))
        #expect(server.isKept(template, inProject: "Team/A"))
        #expect(!server.isKept(template, inProject: "team/b"))
        #expect(!server.isKept(.folder(path: "team/a"), inProject: "team/a"))
        let any = HookSource(name: "h", kind: .signed, url: nil, secret: Secret("s"))
        let other = TemplateSource.git(url: "https://git.example.org/a.git", ref: "HEAD")
        #expect(any.isKept(other, inProject: "https://git.example.org/a"))
        #expect(any.isKept(other, inProject: "https://git.example.org/a.git/"))
        #expect(!any.isKept(other, inProject: "a"))
    }
}
