import HTTPTypes
import Support
import TestSupport
import Testing

@testable import aibuild

/// `aibuild secret`: values go in, and nothing that is shown has one.
@Suite struct SecretTests {
    private static let secret =
        #"{"name":"cloud","guestOSes":["deb*","x"],"source":"store","changedAt":null}"#

    private func file(_ bytes: [UInt8], in folder: TemporaryFolder) throws -> String {
        let path = folder.path + "/value"
        try Files.replace(path, with: bytes, mode: 0o600)
        return path
    }

    @Test("The value is sent as it is in its file, and is in no output")
    func add() async throws {
        let folder = try TemporaryFolder()
        let path = try file(Array("hunter22\nline\n".utf8), in: folder)
        try await withCoordinator({ router in
            router.say("PUT", "/api/v1/secrets/cloud", Self.secret, status: 201)
        }) { coordinator in
            let ran = await coordinator.run(
                "secret", "add", "cloud", "--from-file", path, "--guest-os", "deb*", "--guest-os",
                "x")
            #expect(ran.code == .ok, "\(ran.err)")
            #expect(ran.out == "Added secret cloud\n")
            #expect(
                coordinator.bodies == [
                    #"{"guestOSes":["deb*","x"],"isNew":true,"value":"hunter22\nline\n"}"#
                ])
            let quiet = await coordinator.run(
                "secret", "add", "cloud", "--from-file", path, "--guest-os", "x", "--json")
            #expect(quiet.code == .ok && !quiet.out.contains("hunter"))
        }
    }

    @Test("A change sends only what is given")
    func change() async throws {
        let folder = try TemporaryFolder()
        let path = try file(Array("hunter22".utf8), in: folder)
        try await withCoordinator({ router in
            router.say("PUT", "/api/v1/secrets/cloud", Self.secret)
        }) { coordinator in
            for options in [["--guest-os", "x"], ["--from-file", path]] {
                let ran = await runCLI(
                    ["secret", "change", "cloud"] + options, url: coordinator.url)
                #expect(ran.code == .ok && ran.out == "Changed secret cloud\n", "\(ran.err)")
            }
            #expect(
                coordinator.bodies == [
                    #"{"guestOSes":["x"],"isNew":false}"#, #"{"isNew":false,"value":"hunter22"}"#,
                ])
        }
    }

    @Test("A secret is given to environments, and an environment names it")
    func environments() async throws {
        let folder = try TemporaryFolder()
        let path = try file(Array("hunter22".utf8), in: folder)
        try await withCoordinator({ router in
            router.say("PUT", "/api/v1/secrets/cloud", Self.secret)
            router.say(
                "PUT", "/api/v1/environments/lab",
                #"{"name":"lab","kind":"registry","settings":{}}"#)
        }) { coordinator in
            for words in [
                ["secret", "add", "cloud", "--from-file", path, "--environment", "lab*"],
                ["secret", "change", "cloud", "--environment", "none"],
                ["env", "change", "lab", "--secret", "cloud"],
            ] {
                let ran = await runCLI(words, url: coordinator.url)
                #expect(ran.code == .ok, "\(ran.err)")
            }
            #expect(
                coordinator.bodies == [
                    #"{"environments":["lab*"],"isNew":true,"value":"hunter22"}"#,
                    #"{"environments":[],"isNew":false}"#,
                    #"{"name":"lab","secretName":"cloud","unchecked":false}"#,
                ])
            let both = await coordinator.run(
                "env", "change", "lab", "--secret", "cloud", "--password-file", path)
            #expect(both.code == .usage && both.err.contains("exclude each other"))
        }
    }

    @Test("What cannot be meant is refused before anything is sent")
    func refusals() async throws {
        let folder = try TemporaryFolder()
        let binary = try file([0xFF, 0xFE] + Array("hunter22".utf8), in: folder)
        for (words, why) in [
            (["add", "cloud", "--from-file", binary], "(--guest-os), or none (--no-builds)"),
            (
                ["add", "cloud", "--from-file", binary, "--guest-os", "*", "--no-builds"],
                "exclude each other"
            ),
            (["add", "cloud", "--from-file", binary, "--guest-os", "*"], "not text in UTF-8"),
            (["add", "cloud", "--from-file", "/no/such", "--guest-os", "*"], "/no/such"),
            (["change", "cloud"], "Nothing to change"),
        ] {
            let ran = await runCLI(["secret"] + words, url: "http://127.0.0.1:1")
            #expect(ran.code == .usage && ran.err.contains(why), "\(ran.err)")
            #expect(!ran.err.contains("hunter"))
        }
    }

    @Test("A list shows who may use what, and a change of the key what it could not read")
    func list() async throws {
        try await withCoordinator({ router in
            router.say("GET", "/api/v1/secrets", #"{"items":[\#(Self.secret)]}"#)
            router.say(
                "POST", "/api/v1/secrets/rotate-key",
                #"{"resealed":3,"unreadable":["secret old"],"problem":"the older key stays"}"#)
        }) { coordinator in
            let listed = await coordinator.run("secret", "list")
            #expect(listed.out.contains("cloud") && listed.out.contains("deb*, x"))
            let rotated = await coordinator.run("secret", "rotate-key")
            #expect(rotated.out.contains("encrypted 3 secrets again"))
            #expect(rotated.out.contains("left as it is: secret old"))
            #expect(rotated.out.contains("Note: the older key stays"))
        }
    }
}
