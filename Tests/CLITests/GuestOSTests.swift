import FoundationEssentials
import Testing

@testable import aibuild

/// Guest OSes that share a repository or a template.
@Suite("Guest OSes") struct GuestOSTests {
    private struct Sent: Decodable, Equatable {
        var templatePath: String?
        var variables: [String: String]?
    }

    private static let known =
        #"{"id":"1","name":"d","type":"linux","template":{"kind":"git","url":"u","ref":"HEAD"},"#
        + #""templatePath":"images/d","variables":{"release":"12","mirror":"m"}}"#

    private func sent(_ arguments: String...) async throws -> (ran: Ran, body: Sent?) {
        var result: (Ran, Sent?)?
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/guestos", Self.known, status: 201)
            router.say("PUT", "/api/v1/guestos/{name}", Self.known)
            router.say("GET", "/api/v1/guestos/{name}", Self.known)
        }) { coordinator in
            let ran = await runCLI(["guestos"] + arguments, url: coordinator.url)
            let body = try coordinator.bodies.last.flatMap {
                $0.isEmpty ? nil : try JSONDecoder().decode(Sent.self, from: Data($0.utf8))
            }
            result = (ran, body)
        }
        return try #require(result)
    }

    @Test("guestos add sends the folder of the repository and the variables")
    func addsPathAndVariables() async throws {
        let (ran, body) = try await sent(
            "add", "d", "--type", "linux", "--git", "u", "--path", "images/d", "--var", "a=b",
            "--var", "c==d", "--var", "e=")
        #expect(ran.code == .ok, "\(ran.err)")
        #expect(body == Sent(templatePath: "images/d", variables: ["a": "b", "c": "=d", "e": ""]))
        let (_, plain) = try await sent("add", "d", "--type", "linux", "--git", "u")
        #expect(plain?.templatePath == nil)
        for wrong in ["a", "=b"] {
            let (ran, body) = try await sent(
                "add", "d", "--type", "linux", "--git", "u", "--var", wrong)
            #expect(ran.code == .usage && body == nil)
            #expect(ran.err.contains("Option --var takes NAME=VALUE"), "\(ran.err)")
        }
    }

    @Test("guestos change adds, replaces and removes single variables")
    func changesVariables() async throws {
        let (ran, body) = try await sent(
            "change", "d", "--var", "release=13", "--var", "x=y", "--unset-var", "mirror")
        #expect(ran.code == .ok, "\(ran.err)")
        #expect(body == Sent(templatePath: "images/d", variables: ["release": "13", "x": "y"]))
        let (_, kept) = try await sent("change", "d", "--version", "12.1")
        #expect(kept?.variables == ["release": "12", "mirror": "m"])
        let (refused, none) = try await sent("change", "d", "--unset-var", "mirrors")
        #expect(refused.code == .usage && none == nil)
        #expect(refused.err.contains("There is no variable mirrors to unset"))
    }

    @Test("guestos show names the folder and the variables") func shows() async throws {
        let out = try await sent("show", "d").ran.out
        for line in [#/path +images/d/#, #/variable +mirror=m/#, #/variable +release=12/#] {
            #expect(out.contains(line), "\(out)")
        }
    }
}
