import FoundationEssentials
import HTTPTypes
import Synchronization
import Testing

@testable import aibuild

@Suite("Commands") struct CommandTests {
    private static let build =
        #"{"id":"b1","guestOS":"debian12","number":7,"state":"failed","owner":"o","priority":0,"#
        + #""host":"kvm1","attemptCount":1,"submittedAt":"2025-11-21T09:40:00.000Z","#
        + #""durationSeconds":65,"fault":{"class":"template","code":"packer.failed","#
        + #""reason":"it \u001b[2Jbroke"},"futureField":{"a":[1]}}"#

    private static let host =
        #"{"name":"kvm1","address":"u@h:22","hostKey":"k","state":"ready","drained":false,"#
        + #""running":1,"slots":2,"vcpus":8,"diskFreeBytes":1073741824,"#
        + #""diskTotalBytes":107374182400,"accelerators":["tcg"],"tags":[],"notices":["old"],"#
        + #""clockSkewSeconds":-7.5}"#

    @Test("builds lists what the API answers, with escapes removed") func listsBuilds() async throws
    {
        try await withCoordinator({
            $0.say("GET", "/api/v1/builds", #"{"items":[\#(Self.build)],"next":"b1"}"#)
        }) { coordinator in
            let ran = await coordinator.run(
                "builds", "--state", "failed", "--guestos", "a&b", "--limit", "1")
            #expect(ran.code == .ok)
            #expect(ran.out.hasPrefix("BUILD       STATE   HOST  SUBMITTED"))
            #expect(ran.out.contains("debian12:7  failed  kvm1"))
            #expect(ran.out.contains("it broke") && !ran.out.contains("\u{1B}"))
            #expect(ran.err == "More results: aibuild builds --after b1\n")
            #expect(coordinator.lines == ["GET /api/v1/builds limit=1 guestos=a&b state=failed"])
            let wrong = await coordinator.run("builds", "--state", "fialed")
            #expect(wrong.code == .usage)
            #expect(wrong.err.contains("Unknown state: fialed; did you mean 'failed'?"))
            let json = await coordinator.run("builds", "--json")
            #expect(json.out == #"{"items":[\#(Self.build)],"next":"b1"}"# + "\n")
            #expect(json.err.isEmpty)
        }
    }

    @Test("show explains a fault, a wait and a guest") func showsABuild() async throws {
        let detail =
            String(Self.build.dropLast(1))
            + #","attempts":[{"attempt":"t","ordinal":1,"host":"kvm1","startedAt":"x","#
            + #""outcome":{"fault":{"class":"template","code":"c","reason":"why"}},"logBytes":5,"#
            + #""guest":{"summary":"QEMU said running","notes":["no \u001b[2Jluck"],"#
            + #""serialTail":"a\r\n\u001b[31mPanic\u0007!\r\n","#
            + #""screenshot":"/api/v1/attempts/t/screenshot"}}],"#
            + #""artifacts":[],"waiting":{"position":2,"summary":"all are busy","hosts":"#
            + #"[{"host":"kvm9","reason":"full"}],"etaSeconds":90,"remedy":"add a host"}}"#
        try await withCoordinator({
            $0.say("GET", "/api/v1/builds/{id}", detail)
        }) { coordinator in
            let ran = await coordinator.run("show", "debian12/7")
            #expect(ran.code == .ok)
            #expect(coordinator.lines == ["GET /api/v1/builds/debian12:7"])
            for text in [
                "debian12:7", "it broke [packer.failed]", "1 min 5 s", "all are busy",
                "kvm9: full", "1 min 30 s", "add a host", "why",
                "QEMU said running", "no luck", "  Panic!\n",
                coordinator.url + "/api/v1/attempts/t/screenshot",
            ] {
                #expect(ran.out.contains(text), "\(text)")
            }
            #expect(!ran.out.contains("\u{1B}"))
        }
    }

    @Test("show names the base image, its digest, and where that was found")
    func showsTheBaseImage() async throws {
        func shown(_ fields: String) async throws -> String {
            let detail =
                String(Self.build.dropLast(1))
                + #","plan":{"commit":"c0ffee","recipe":{"baseImage":{"url":"#
                + #""http://m/a.img"\#(fields)}}}}"#
            var out = ""
            try await withCoordinator({ $0.say("GET", "/api/v1/builds/{id}", detail) }) {
                out = await $0.run("show", "debian12:7").out
            }
            return out
        }
        let found = try await shown(#","sha256":"abc","checksumURL":"http://m/SHA256SUMS""#)
        #expect(found.contains(#/commit +c0ffee\n/#), "\(found)")
        #expect(found.contains(#/base image +http:\/\/m\/a.img\n/#), "\(found)")
        #expect(found.contains(#/its digest +SHA-256 abc\n/#))
        #expect(found.contains(#/found in +http:\/\/m\/SHA256SUMS\n/#))
        let none = try await shown("")
        #expect(none.contains(#/its digest +not checked\n/#) && !none.contains("found in"))
    }

    @Test("A wait without an estimate says why there is none") func waitWithoutEstimate()
        async throws
    {
        let waiting =
            #"{"position":1,"summary":"no host has room now","hosts":[],"remedy":"wait","#
            + #""etaReason":"no build of arch has passed yet"}"#
        let detail =
            String(Self.build.dropLast(1))
            + #","attempts":[],"artifacts":[],"waiting":\#(waiting)}"#
        try await withCoordinator({
            $0.say("GET", "/api/v1/builds/{id}", detail)
            $0.say(
                "GET", "/api/v1/queue",
                #"{"items":[{"build":\#(Self.build),"waiting":\#(waiting)}]}"#)
        }) { coordinator in
            let queue = await coordinator.run("queue")
            #expect(
                queue.out.contains(
                    "no host has room now; start unknown: no build of arch has passed yet"))
            let build = await coordinator.run("show", "debian12/7")
            #expect(build.out.contains("unknown: no build of arch has passed yet"))
        }
    }

    @Test("build, cancel and retry send the requested values") func submitsCancelsAndRetries()
        async throws
    {
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/builds", Self.build, status: 201)
            router.say("POST", "/api/v1/builds/{id}/cancel", Self.build, status: 202)
            router.say("POST", "/api/v1/builds/{id}/retry", Self.build, status: 201)
        }) { coordinator in
            let ran = await coordinator.run(
                "build", "debian12", "--priority", "-3", "--reason", "a \"b\"")
            #expect(ran.code == .ok)
            #expect(
                ran.err.contains("Queued build debian12:7. Follow it: aibuild logs -f debian12:7"))
            #expect(await coordinator.run("cancel", "b1").code == .ok)
            #expect(await coordinator.run("retry", "b1", "--json").out == Self.build + "\n")
            #expect(
                coordinator.lines == [
                    "POST /api/v1/builds", "POST /api/v1/builds/b1/cancel",
                    "POST /api/v1/builds/b1/retry",
                ])
            let sent = try JSONDecoder().decode(
                Submission.self, from: Data(coordinator.bodies[0].utf8))
            #expect(
                sent == Submission(guestOS: "debian12", priority: -3, owner: nil, reason: "a \"b\"")
            )
            #expect(await coordinator.run("build", "x", "--priority", "high").code == .usage)
        }
    }

    private struct Submission: Decodable, Hashable {
        var guestOS: String
        var priority: Int?
        var owner, reason: String?
    }

    @Test("guestos add takes a folder or a Git repository, not both") func registersGuestOSes()
        async throws
    {
        let guestOS =
            #"{"id":"1","name":"d","type":"linux","template":{"kind":"folder","path":"/srv/t"}}"#
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/guestos", guestOS, status: 201)
            router.say("GET", "/api/v1/guestos", #"{"items":[\#(guestOS)]}"#)
            router.say("GET", "/api/v1/guestos/{name}", guestOS)
        }) { coordinator in
            let ran = await coordinator.run(
                "guestos", "add", "d", "--type", "linux", "--template", "t")
            #expect(ran.code == .ok)
            let here = FileManager.default.currentDirectoryPath
            #expect(coordinator.bodies[0].replacing("\\/", with: "/").contains("\"\(here)/t\""))
            _ = await coordinator.run("guestos", "add", "d", "--type", "linux", "--git", "u")
            #expect(coordinator.bodies[1].contains(#""ref":"HEAD""#))
            for wrong in [
                ["--git", "u", "--template", "t"], ["--template", "t", "--ref", "r"],
            ] {
                let arguments = ["guestos", "add", "d", "--type", "linux"] + wrong
                #expect(await runCLI(arguments, url: coordinator.url).code == .usage)
            }
            for command in ["guestos change d", "env change e", "testcase change t"] {
                let ran = await runCLI(
                    command.split(separator: " ").map(String.init), url: coordinator.url)
                #expect(ran.code == .usage && ran.err.contains("Nothing to change"), "\(ran)")
            }
            #expect(await coordinator.run("guestos", "list").out.contains("/srv/t"))
            #expect(await coordinator.run("guestos", "show", "d").out.contains("/srv/t"))
        }
    }

    @Test("host and hosts list, show, drain and remove hosts") func listsAndDrainsHosts()
        async throws
    {
        try await withCoordinator({ router in
            router.say("GET", "/api/v1/hosts", #"{"items":[\#(Self.host)]}"#)
            router.say("GET", "/api/v1/hosts/{name}", Self.host)
            router.say("POST", "/api/v1/hosts/{name}/drain", Self.host)
            router.say(
                "GET", "/api/v1/hosts/{name}/drain",
                #"{"finishes":[{"guestOS":"d","number":1,"stage":"build","hasOtherHost":false}],"#
                    + #""strands":[]}"#)
            router.on("DELETE", "/api/v1/hosts/{name}") { _, _ in .empty }
        }) { coordinator in
            for arguments in [["hosts"], ["host", "list"]] {
                let ran = await runCLI(arguments, url: coordinator.url)
                #expect(ran.out.contains("kvm1  ready  1/2    8      1 GiB      tcg"))
                #expect(ran.out.contains("clock 8 s behind"))
            }
            #expect(await coordinator.run("host", "show", "kvm1").out.contains("100 GiB"))
            #expect(await coordinator.run("host", "drain", "k/1").code == .refused)
            #expect(
                await coordinator.run("host", "drain", "kvm1").out.hasPrefix("Drained host kvm1. "))
            let plan = await coordinator.run("host", "drain", "kvm1", "--dry-run")
            #expect(plan.out.hasSuffix("is finished there\n"))
            let late = await coordinator.run(
                "host", "drain", "kvm1", "--dry-run", "--deadline", "1h")
            #expect(
                late.out.hasSuffix("what the deadline stops waits until the host is resumed\n"))
            #expect(await coordinator.run("host", "remove", "kvm1").out == "Removed host kvm1\n")
            #expect(coordinator.lines.last == "DELETE /api/v1/hosts/kvm1")
        }
    }

    @Test("Each kind of failure has its documented exit code") func endsWithTheDocumentedCodes()
        async throws
    {
        try await withCoordinator({ router in
            router.on("GET", "/api/v1/builds/{id}") { _, path in
                switch path["id"] {
                case "none":
                    throw Problem.notFound("There is no build 'none'", remedy: "See /api/v1/builds")
                case "odd": return .text("<html>", type: "text/html")
                default: throw Problem.unauthorized("This coordinator requires a token")
                }
            }
            router.on("GET", "/api/v1/queue") { request, _ in
                request.headers["Authorization"] == "Bearer secret"
                    ? .text(#"{"items":[]}"#) : Problem.unauthorized("no").response
            }
        }) { coordinator in
            let none = await coordinator.run("show", "none")
            #expect(none.code == .notFound)
            #expect(none.err == "aibuild: There is no build 'none'\nSee /api/v1/builds\n")
            #expect(await coordinator.run("show", "closed").code == .refused)
            #expect(await coordinator.run("show", "odd").code == .refused)
            #expect(await coordinator.run("queue").code == .refused)
            #expect(await coordinator.run("queue", token: "secret").out == "No builds are queued\n")
            #expect(await coordinator.run("show").code == .usage)
        }
        let away = await runCLI(["queue"])
        #expect(away.code == .unreachable)
        #expect(away.err.contains("set AIBUILD_URL or --url"))
        #expect(await runCLI(["queue", "--url", "gopher://h"]).code == .usage)
    }

    @Test("web prints the address that people use, or else the one that the CLI uses")
    func webAddress() async throws {
        let url = Mutex(#""url":"https://images.example.com/sign-in?code=1","#)
        try await withCoordinator({ router in
            router.on("POST", "/api/v1/sign-in-codes") { _, _ in
                .text(
                    #"{"path":"/sign-in?code=1",\#(url.withLock(\.self))"expiresSeconds":300}"#,
                    type: "application/json", status: 201)
            }
        }) { coordinator in
            let said = "https://images.example.com/sign-in?code=1\n"
            #expect(await coordinator.run("web").out == said)
            url.withLock { $0 = "" }
            #expect(await coordinator.run("web").out == coordinator.url + "/sign-in?code=1\n")
        }
    }

    @Test("An address without a scheme is one of HTTP") func addressWithoutScheme() async throws {
        try await withCoordinator({ $0.say("GET", "/api/v1/queue", #"{"items":[]}"#) }) {
            coordinator in
            let ran = await runCLI(["queue"], url: "127.0.0.1:1, 127.0.0.1:\(coordinator.port)/")
            #expect(ran.out == "No builds are queued\n", "\(ran.err)")
        }
        let away = await runCLI(["queue"], url: "127.0.0.1:1")
        #expect(away.code == .unreachable)
        #expect(away.err.contains("http://127.0.0.1:1"))
    }

    private func doctorRoutes(_ router: inout Router, _ version: String, hosts: String) {
        router.say("GET", "/healthz", "ok")
        router.say("GET", "/api/v1/version", version)
        router.say("GET", "/api/v1/hosts", #"{"items":[\#(hosts)]}"#)
        router.say("GET", "/api/v1/queue", #"{"items":[]}"#)
    }

    @Test("The doctor reports each problem with its remedy") func theDoctorReportsProblems()
        async throws
    {
        try await withCoordinator({ router in
            doctorRoutes(&router, #"{"version":"0.1.0","protocol":"1.0"}"#, hosts: Self.host)
            router.say("GET", "/readyz", "{}")
        }) { coordinator in
            let ran = await coordinator.run("doctor")
            #expect(ran.code == .ok)
            for text in [
                "ok   Host kvm1 is ready", "warn Host kvm1 has no working KVM",
                "low on disk space: 1 GiB free", "Host kvm1: the clock is 8 s behind",
                "warn Host kvm1: old",
            ] {
                #expect(ran.out.contains(text), "\(text)")
            }
        }
        try await withCoordinator({ router in
            doctorRoutes(&router, #"{"version":"9","protocol":"2.0"}"#, hosts: "")
            router.on("GET", "/readyz") { _, _ in throw Problem.unavailable("the store is away") }
        }) { coordinator in
            let ran = await coordinator.run("doctor")
            #expect(ran.code == .buildFailed)
            for text in [
                "the store is away", "Install aibuild 9", "FAIL No hosts",
            ] {
                #expect(ran.out.contains(text), "\(text)")
            }
        }
        #expect(await runCLI(["doctor"]).code == .unreachable)
    }

    @Test("The doctor shows the size of everything that grows")
    func theDoctorShowsSizes() async throws {
        try await withCoordinator({ router in
            doctorRoutes(&router, #"{"version":"0.1.0","protocol":"1.1"}"#, hosts: Self.host)
            router.say("GET", "/readyz", "{}")
            router.say(
                "GET", "/api/v1/storage",
                #"{"unusableRows":[],"measuredAt":"2026-11-29T14:02:11Z","growing":["#
                    + #"{"id":"logs","rule":"r1","items":7,"bytes":2048},"#
                    + #"{"id":"audit","rule":"r2","items":9}]}"#)
        }) { coordinator in
            let ran = await coordinator.run("doctor")
            #expect(ran.code == .ok)
            let line = "ok   Stored at 2026-11-29T14:02:11Z: logs 7, 2 KiB; audit 9\n"
            #expect(ran.out.contains(line))
            let json = await coordinator.run("doctor", "--json")
            #expect(json.code == .ok)
            #expect(json.out.hasPrefix("{\n") && json.out.contains(#""mark" : "ok""#))
        }
    }

    @Test(
        "The doctor fails if the web root is full, and warns before it is",
        arguments: [
            (1 << 30, ExitCode.buildFailed, "FAIL The web root has 1 GiB free"),
            (20 << 30, .ok, "warn The web root has 20 GiB free"),
            (200 << 30, .ok, "ok   The web root has 200 GiB free"),
        ])
    func theDoctorMeasuresTheWebRoot(bytes: Int, code: ExitCode, line: String) async throws {
        try await withCoordinator({ router in
            doctorRoutes(&router, #"{"version":"0.1.0","protocol":"1.1"}"#, hosts: Self.host)
            router.say("GET", "/readyz", "{}")
            router.say(
                "GET", "/api/v1/storage", #"{"unusableRows":[],"webRootFreeBytes":\#(bytes)}"#)
        }) { coordinator in
            let ran = await coordinator.run("doctor")
            #expect(ran.code == code)
            #expect(ran.out.contains(line), "\(ran.out)")
        }
    }

    @Test("The doctor reports what is missing on the coordinator's machine")
    func theDoctorChecksTheSetup() async throws {
        try await withCoordinator({ router in
            doctorRoutes(&router, #"{"version":"0.1.0","protocol":"1.1"}"#, hosts: Self.host)
            router.say("GET", "/readyz", "{}")
            router.say(
                "GET", "/api/v1/setup", #"{"problems":[{"problem":"no key","remedy":"make one"}]}"#)
        }) { coordinator in
            let ran = await coordinator.run("doctor")
            #expect(ran.code == .buildFailed)
            #expect(ran.out.contains("FAIL no key\n     → make one\n"), "\(ran.out)")
        }
    }

    @Test("The doctor names rows that cannot be used") func theDoctorNamesRows() async throws {
        try await withCoordinator({ router in
            doctorRoutes(&router, #"{"version":"0.1.0","protocol":"1.1"}"#, hosts: Self.host)
            router.say("GET", "/readyz", "{}")
            router.say(
                "GET", "/api/v1/storage",
                #"{"unusableRows":[{"table":"builds","id":"b1","reason":"unknown state"}]}"#)
        }) { coordinator in
            let ran = await coordinator.run("doctor")
            #expect(ran.code == .buildFailed)
            #expect(ran.out.contains("FAIL The row 'b1' of the table builds cannot be used"))
            #expect(ran.out.contains("upgrade the coordinator"))
        }
    }
}
