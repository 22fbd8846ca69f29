import FoundationEssentials
import HTTPServerKit
import HTTPTypes
import Support
import Synchronization
import TestSupport
import Testing

@testable import aibuild

@Suite("Logs on the command line") struct LogTests {
    private static func record(_ text: String, _ stream: String = "out", more: Bool = false)
        -> String
    {
        #"{"t":1763718000000,"s":"\#(stream)","m":"\#(text)"\#(more ? #","more":true"# : "")}"#
    }

    private static func build(_ state: String, _ more: String = "") -> String {
        #"{"id":"b1","guestOS":"d","number":1,"state":"\#(state)","attempt":"t1","#
            + #""host":"kvm1"\#(more)}"#
    }

    /// A log event of the lines with these numbers; the cursor is the number of lines.
    private static func log(_ numbers: Range<Int>) -> String {
        "event: log\nid: t1:\(numbers.upperBound)\n"
            + numbers.map { "data: \(record("line \($0)"))\n" }.joined() + "\n"
    }

    private static func state(_ json: String) -> String { "event: state\ndata: \(json)\n\n" }
    private static func end(_ json: String) -> String { "event: end\ndata: \(json)\n\n" }
    private static let hundred = (0..<100).map { "line \($0)\n" }.joined()

    @Test("A log is printed whole, with harmless escapes only") func printsALog() async throws {
        let log = [
            Self.record("half", more: true), Self.record(" whole"),
            Self.record("err", "err"), Self.record("\\u001b[31mred\\u001b[2J"),
            Self.record("open", more: true), Self.record("phase", "sys"), "no JSON \u{1B}[2J",
        ].joined(separator: "\n")
        try await withCoordinator({ router in
            Self.detail(&router, attempts: [("t9", "build")])
            router.on("GET", "/api/v1/builds/{id}/log") { request, _ in
                // In pieces that cut lines and characters anywhere.
                let bytes = Array((log + "\n").utf8)
                let pieces = stride(from: 0, to: bytes.count, by: 7).map {
                    String(decoding: bytes[$0..<min($0 + 7, bytes.count)], as: UTF8.self)
                }
                return HTTPResponse(body: .stream(Pieces(pieces)))
            }
        }) { coordinator in
            let plain = await coordinator.run("logs", "d:1")
            #expect(plain.code == .ok)
            #expect(plain.out == "half whole\nerr\nred\nopen\nphase\nno JSON \n")
            #expect(
                coordinator.lines
                    == ["GET /api/v1/builds/d:1", "GET /api/v1/builds/b1/log attempt=t9"])
            let coloured = await coordinator.run("logs", "d:1", terminal: true)
            #expect(coloured.out.contains("\u{1B}[31mred\u{1B}[0m"))
            #expect(!coloured.out.contains("[2J"))
            #expect(await coordinator.run("logs", "d:1", "--json").out == log + "\n")
            let timed = await coordinator.run("logs", "d:1", "-t")
            #expect(timed.out.contains("2025-11-2"))
        }
    }

    @Test("All stages are shown in order, or one attempt by stage, number or ID")
    func stagesAndAttempts() async throws {
        try await withCoordinator({ router in
            Self.detail(&router, attempts: [("a1", "build"), ("b2", "build"), ("c3", "test")])
            router.on("GET", "/api/v1/builds/{id}/log") { request, _ in
                let line = Self.record("of \(request.query["attempt"] ?? "?")")
                return HTTPResponse(body: .bytes(Array("\(line)\n\(line)\n".utf8)))
            }
            router.on("GET", "/api/v1/builds/{id}/log/lines", query: ["count"]) { _, _ in
                let attempts = ["a1", "b2", "c3"].enumerated().map {
                    "{\"attempt\":\"\($1)\",\"firstLine\":\(2 * $0 + 1)}"
                }
                let text = "{\"attempts\":[\(attempts.joined(separator: ","))]}"
                return HTTPResponse(body: .bytes(Array(text.utf8)))
            }
        }) { coordinator in
            #expect(
                await coordinator.run("logs", "d:latest").out
                    == "== build, attempt 2 on kvm1\nof b2\nof b2\n"
                    + "== test, attempt 3 on kvm1\nof c3\nof c3\n")
            for (option, value) in [("--stage", "test"), ("--attempt", "3"), ("--attempt", "c")] {
                #expect(await coordinator.run("logs", "d:1", option, value).out == "of c3\nof c3\n")
            }
            let numbered = await coordinator.run("logs", "d:1", "-n", "--attempt", "1")
            #expect(numbered.out == "1 | of a1\n2 | of a1\n")
            let later = await coordinator.run("logs", "d:1", "-n", "--stage", "test")
            #expect(later.out == "5 | of c3\n6 | of c3\n")
            let none = await coordinator.run("logs", "d:1", "--attempt", "7")
            #expect(none.code == .notFound)
            #expect(none.err.contains("has no attempt '7'. Its attempts: 1, 2, 3"))
            #expect(await coordinator.run("logs", "d:1", "--stage", "x").code == .usage)
        }
    }

    /// A build with these attempts, in order.
    private static func detail(_ router: inout Router, attempts: [(id: String, stage: String)]) {
        let list = attempts.enumerated().map { index, attempt in
            #"{"attempt":"\#(attempt.id)","host":"kvm1","ordinal":\#(index + 1),"#
                + #""startedAt":"2025-11-28T10:00:00Z","stage":"\#(attempt.stage)","logBytes":9}"#
        }
        let json = build("failed", #","attempts":[\#(list.joined(separator: ","))]"#)
        router.on("GET", "/api/v1/builds/{id}") { _, _ in
            HTTPResponse(body: .bytes(Array(json.utf8)))
        }
    }

    @Test("A prompt and a bar are shown while they last, and the last state of a bar is one line")
    func partialLines() async throws {
        let log =
            [
                Self.record("Enter: ", more: true), Self.record("yes"),
                Self.record("\\r 10 %", more: true), Self.record("\\r 55 %\\r 60", more: true),
                Self.record(" %"), Self.record("0 of 9", more: true),
                Self.record("\\r9", more: true), Self.record(""), Self.record("end"),
            ].joined(separator: "\n") + "\n"
        try await withCoordinator({ router in
            Self.detail(&router, attempts: [("t9", "build")])
            router.on("GET", "/api/v1/builds/{id}/log") { _, _ in
                HTTPResponse(body: .bytes(Array(log.utf8)))
            }
        }) { coordinator in
            let file = await coordinator.run("logs", "d:1")
            // What was printed of a line that is then overwritten stays.
            #expect(file.out == "Enter: yes\n 60 %\n0 of 9\n9 of 9\nend\n")
            let terminal = await coordinator.run("logs", "d:1", terminal: true)
            let wipe = "\r\u{1B}[K"
            #expect(
                terminal.out
                    == "Enter: yes\n 10 %\(wipe) 60 %\n0 of 9\(wipe)9 of 9\nend\n")
        }
    }

    @Test("A build is followed to its end, which decides the exit code") func followsToTheEnd()
        async throws
    {
        for (state, code) in [
            ("passed", ExitCode.ok), ("failed", .buildFailed), ("cancelled", .cancelled),
        ] {
            try await withCoordinator({ router in
                router.on("GET", "/api/v1/builds/{id}/events") { _, _ in
                    .events(
                        Pieces([
                            Self.state(Self.build("building", #","phase":"booting""#)),
                            Self.log(0..<100),
                            Self.end(Self.build(state, #","durationSeconds":65"#)),
                        ]))
                }
            }) { coordinator in
                let ran = await coordinator.run("logs", "-f", "d:1")
                #expect(ran.code == code)
                #expect(ran.out == Self.hundred)
                #expect(
                    ran.err == "== attempt 1 on kvm1\n== building on kvm1: booting\n"
                        + "== d:1 \(state) in 1 min 5 s\n")
                let json = await coordinator.run("logs", "-f", "d:1", "--json")
                #expect(json.out.split(separator: "\n").count == 100)
                #expect(json.err.isEmpty)
            }
        }
    }

    @Test("After a cut the log continues at the byte where the last event ended")
    func continuesAfterACut() async throws {
        let positions = Notes<String>()
        try await withCoordinator({ router in
            router.on("GET", "/api/v1/builds/{id}/events") { request, _ in
                let last = request.headers["Last-Event-ID"] ?? ""
                positions.add(last)
                let from = Int(last.split(separator: ":").last ?? "0") ?? 0
                var pieces = [Self.state(Self.build("building"))]
                if from < 100 {
                    // A whole event, then a part of one: the part must not be shown.
                    pieces.append(Self.log(from..<(from + 40 > 100 ? 100 : from + 40)))
                    pieces.append(String(Self.log(from + 40..<from + 41).dropLast(1)))
                } else {
                    pieces.append(Self.end(Self.build("passed")))
                }
                return .events(Pieces(pieces))
            }
        }) { coordinator in
            let ran = await coordinator.run("logs", "-f", "d:1")
            #expect(ran.code == .ok)
            #expect(ran.out == Self.hundred)
            #expect(positions.all == ["", "t1:40", "t1:80", "t1:100"])
            #expect(
                ran.err.contains("Reconnecting …") && ran.err.contains("aibuild: Reconnected\n"))
        }
    }

    @Test("Following survives a restart of the coordinator") func survivesARestart() async throws {
        @Sendable func routes(_ router: inout Router, _ from: Int) {
            router.on("GET", "/api/v1/builds/{id}/events") { request, _ in
                guard from > 0 else {
                    return .events(Hanging(Self.state(Self.build("building")) + Self.log(0..<50)))
                }
                #expect(request.headers["Last-Event-ID"] == "t1:50")
                return .events(Pieces([Self.log(50..<100), Self.end(Self.build("passed"))]))
            }
        }
        let first = try FakeCoordinator { routes(&$0, 0) }
        let console = TestConsole()
        let cli = CLI(
            console: console.console(isTerminal: false), variables: ["AIBUILD_URL": first.url])
        async let code = cli.run(["logs", "-f", "d:1"])
        try await eventually("half of the log") { console.out.contains("line 49\n") }
        let port = first.port
        await first.stop()
        try await eventually("the cut is noticed") { console.err.contains("Reconnecting") }
        let second = try FakeCoordinator(port: port) { routes(&$0, 1) }
        #expect(await code == .ok)
        #expect(console.out == Self.hundred)
        await second.stop()
    }

    @Test("Progress is drawn over itself, on terminals only") func drawsProgress() async throws {
        @Sendable func pulling(_ doneBytes: Int) -> String {
            let progress =
                #""progress":{"what":"pulling image","doneBytes":\#(doneBytes),"totalBytes":10}"#
            return Self.state(Self.build("collecting", #","phase":"pulling","# + progress))
        }
        try await withCoordinator({ router in
            router.on("GET", "/api/v1/builds/{id}/events") { _, _ in
                .events(
                    Pieces([
                        pulling(5), pulling(7), pulling(10), Self.log(0..<1),
                        Self.end(Self.build("passed")),
                    ]))
            }
        }) { coordinator in
            let terminal = await coordinator.run("logs", "-f", "d:1", terminal: true)
            #expect(
                terminal.err.contains(
                    "pulling image [##########..........] 50 % of 10 B\r\u{1B}[K"))
            let file = await coordinator.run("logs", "-f", "d:1")
            #expect(!file.err.contains("\r") && !file.err.contains("\u{1B}"))
            let lines = file.err.split(separator: "\n").filter { $0.contains("pulling image") }
            #expect(lines.count == 2, "beginning and end: \(lines)")
            #expect(lines.first?.contains(" 50 % of 10 B") == true)
            #expect(lines.last?.contains(" 100 % of 10 B") == true)
        }
    }

    @Test("Why a build failed comes before its image, which did not pass its tests")
    func namesTheFaultFirst() async throws {
        let ended =
            #","fault":{"class":"template","code":"test.failed","reason":"no route"},"image":"#
            + #"{"name":"i","url":"http://c/i","sha256":"0","format":"raw","sizeBytes":9}"#
        try await withCoordinator({ router in
            router.on("GET", "/api/v1/builds/{id}/events") { _, _ in
                .events(Pieces([Self.end(Self.build("failed", ended))]))
            }
        }) { coordinator in
            let ran = await coordinator.run("logs", "-f", "d:1")
            #expect(ran.code == .buildFailed)
            #expect(ran.err.hasSuffix("== d:1 failed: no route\n"), "\(ran.err)")
        }
    }

    @Test("A refused or unreachable first connection is not retried") func doesNotRetryInVain()
        async throws
    {
        try await withCoordinator({ router in
            router.on("GET", "/api/v1/builds/{id}/events") { _, _ in
                throw Problem.notFound("There is no build 'x'")
            }
        }) { coordinator in
            let ran = await coordinator.run("logs", "-f", "x")
            #expect(ran.code == .notFound)
            #expect(ran.err == "aibuild: There is no build 'x'\n")
            #expect(coordinator.lines.count == 1)
        }
        #expect(await runCLI(["logs", "-f", "x"]).code == .unreachable)
        #expect(await runCLI(["logs", "x"]).code == .unreachable)
        #expect(await runCLI(["logs", "-f", "x", "--attempt", "t"]).code == .usage)
    }

    /// One piece, then nothing until the server stops.
    private final class Hanging: HTTPStreamSource {
        private let first: Mutex<String?>

        init(_ first: String) { self.first = Mutex(first) }

        func next() async -> [UInt8]? {
            if let piece = first.withLock({ $0.take() }) { return Array(piece.utf8) }
            await untilCancelled()
            return nil
        }

        func cancelled() async {}
    }
}
