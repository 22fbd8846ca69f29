import HTTPTypes
import Support
import Synchronization
import TestSupport
import Testing

@testable import aibuild

@Suite("host add") struct HostAddTests {
    private static let line = ["host", "add", "kvm1", "--register-only", "--address", "u@h"]

    private func add(
        _ more: [String] = [], answers: [String] = []
    ) async throws -> (ran: Ran, asked: [String], body: String?) {
        let coordinator = try FakeCoordinator { router in
            router.say(
                "POST", "/api/v1/hosts/scan",
                #"{"address":"u@h:22","hostKey":"ssh-ed25519 AAAA","fingerprint":"SHA256:abc"}"#)
            router.say("POST", "/api/v1/hosts", "{}", status: 201)
            router.say(
                "GET", "/api/v1/hosts/{name}",
                #"{"name":"kvm1","address":"u@h","state":"ready","slots":2,"accelerators":["kvm"]}"#
            )
        }
        let ran = await runCLI(Self.line + more, url: coordinator.url, answers: answers)
        await coordinator.stop()
        return (ran, coordinator.lines, coordinator.bodies.last { !$0.isEmpty })
    }

    private static let scanned = ["POST /api/v1/hosts/scan"]
    private static let added = scanned + ["POST /api/v1/hosts", "GET /api/v1/hosts/kvm1"]

    @Test("A host is added only after the user confirms its key") func asksForConfirmation()
        async throws
    {
        for answer in ["yes", "y", "YES"] {
            let (ran, asked, body) = try await add(answers: [answer])
            #expect(ran.code == .ok)
            #expect(ran.err.contains("ssh-ed25519 key\n  SHA256:abc\n"))
            #expect(ran.out == "Added host kvm1. It is ready, 2 slots, with kvm\n")
            #expect(asked == Self.added)
            #expect(body?.contains(#""hostKey":"ssh-ed25519 AAAA""#) == true)
        }
        for answer in ["no", "", "yep"] {
            let (ran, asked, _) = try await add(answers: [answer])
            #expect(ran.code == .refused)
            #expect(asked == Self.scanned)
        }
    }

    @Test("--fingerprint replaces the prompt and must match") func takesAFingerprint() async throws
    {
        #expect(try await add(["--fingerprint", "SHA256:abc"]).asked == Self.added)
        let (ran, asked, _) = try await add(["--fingerprint", "SHA256:abcd"], answers: ["yes"])
        #expect(ran.code == .refused)
        #expect(ran.err.contains("has the key SHA256:abc, not SHA256:abcd"))
        #expect(asked == Self.scanned)
    }

    @Test("Without a terminal and without --fingerprint nothing is added") func needsATerminal()
        async throws
    {
        let (ran, asked, _) = try await add()
        #expect(ran.code == .usage)
        #expect(ran.err.contains("--fingerprint SHA256:abc"))
        #expect(asked == Self.scanned)
    }

    @Test("--host-key sends the key of a file, without asking the host") func takesAKeyFile()
        async throws
    {
        let folder = try TemporaryFolder()
        let file = folder.path + "/known_hosts"
        try Files.replace(file, with: "|1|a|b ssh-ed25519 AAAA\n".utf8)
        let (ran, asked, body) = try await add(["--host-key", file])
        #expect(ran.code == .ok)
        #expect(asked == ["POST /api/v1/hosts", "GET /api/v1/hosts/kvm1"])
        #expect(body?.contains(#""hostKey":"|1|a|b ssh-ed25519 AAAA\n""#) == true, "\(body as Any)")
        #expect(try await add(["--host-key", folder.path + "/none"]).ran.code == .usage)
    }

    @Test("A host that cannot be used when it is added is an error with the reason")
    func unusableHost() async throws {
        let states = Mutex(["connecting", "connecting", "unreachable"])
        let coordinator = try FakeCoordinator { router in
            router.say("POST", "/api/v1/hosts", "{}", status: 201)
            router.on("GET", "/api/v1/hosts/{name}") { _, _ in
                let state = states.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
                return .text(
                    #"{"name":"kvm1","address":"u@h","state":"\#(state)","detail":"login refused"}"#
                )
            }
        }
        let folder = try TemporaryFolder()
        try Files.replace(folder.path + "/key", with: "ssh-ed25519 AAAA\n".utf8)
        let line = Self.line + ["--host-key", folder.path + "/key"]
        let ran = await runCLI(line, url: coordinator.url)
        #expect(ran.code == .refused)
        #expect(
            ran.err.contains("Host kvm1 was added, and cannot be used yet: login refused\n"))
        let impatient = await runCLI(line + ["--no-wait"], url: coordinator.url)
        #expect(impatient.code == .ok)
        #expect(impatient.out == "Added host kvm1. Check its status: aibuild host list\n")
        await coordinator.stop()
    }

    /// A coordinator of one host, which shows the key BBBB.
    private func changeable() throws -> FakeCoordinator {
        try FakeCoordinator { router in
            router.say(
                "GET", "/api/v1/hosts/{name}", #"{"name":"k","address":"u@h","state":"ready"}"#)
            router.say(
                "POST", "/api/v1/hosts/scan",
                #"{"address":"u@h","hostKey":"ssh-ed25519 BBBB","fingerprint":"SHA256:b"}"#)
            router.say("PUT", "/api/v1/hosts/{name}", "{}")
        }
    }

    @Test("host change keeps the address unless another one is given") func changes() async throws {
        let coordinator = try changeable()
        let line = ["host", "change", "k", "--fingerprint", "SHA256:b"]
        let kept = await runCLI(line, url: coordinator.url)
        #expect(kept.out.contains("Changed host k"), "\(kept.err)")
        #expect(coordinator.bodies.last == #"{"address":"u@h","hostKey":"ssh-ed25519 BBBB"}"#)
        _ = await runCLI(line + ["--address", "u@new:2"], url: coordinator.url)
        #expect(coordinator.bodies.last?.contains(#""address":"u@new:2""#) == true)
        await coordinator.stop()
    }

    @Test("host set changes the variables that it names, and host show lists them")
    func variables() async throws {
        try await withCoordinator({
            $0.say(
                "GET", "/api/v1/hosts/{name}",
                #"{"name":"k","address":"u@h","state":"ready","variables":{"a":"1","b":"2"}}"#)
            $0.say("PUT", "/api/v1/hosts/{name}", "{}")
        }) { coordinator in
            let ran = await coordinator.run(
                "host", "set", "k", "--var", "c=x=y", "--unset-var", "a")
            #expect(ran.out.contains("Set the variables of host k"), "\(ran.err)")
            #expect(coordinator.bodies.last == #"{"variables":{"b":"2","c":"x=y"}}"#)
            let none = await coordinator.run("host", "set", "k")
            #expect(none.code == .usage)
            let unknown = await coordinator.run("host", "set", "k", "--unset-var", "z")
            #expect(unknown.err.contains("There is no variable z to unset"))
            let shown = await coordinator.run("host", "show", "k").out
            #expect(shown.contains(#/variable +a=1\n/#), "\(shown)")
        }
    }

    @Test("A key of a file is compared with the one that the host shows", arguments: [true, false])
    func keyOfFile(isRight: Bool) async throws {
        let coordinator = try changeable()
        let folder = try TemporaryFolder()
        let file = folder.path + "/known_hosts"
        let lines = "|1|x|y ssh-ed25519 AAAA\n" + (isRight ? "h ssh-ed25519 BBBB comment\n" : "")
        try Files.replace(file, with: Array(lines.utf8))
        let ran = await runCLI(["host", "change", "k", "--host-key", file], url: coordinator.url)
        #expect(ran.code == (isRight ? .ok : .refused))
        #expect(coordinator.lines.contains("PUT /api/v1/hosts/k") == isRight)
        if !isRight {
            #expect(ran.err.contains("has the key SHA256:b, which is not in \(file)"))
        }
        await coordinator.stop()
    }
}
