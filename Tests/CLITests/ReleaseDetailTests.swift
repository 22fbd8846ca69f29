import HTTPTypes
import TestSupport
import Testing

@testable import aibuild

@Suite("One release on the command line") struct ReleaseDetailTests {
    private static func release(_ fields: String) -> String {
        #"{"id":"86c77daa-938e-4807","action":"release","guestOS":"debian12","buildNumber":7,"#
            + #""environment":"lab","createdAt":"2026-11-29T10:00:00Z","requestedBy":"anna","#
            + fields + "}"
    }

    private static let waiting = release(
        #""state":"queued","phase":"retrying","tryNumber":3,"tryLimit":6,"#
            + #""notBefore":"2026-11-29T14:02:10Z","fault":"connection refused""#)
    private static let cleaning = release(
        #""state":"queued","phase":"cleaningUp","outcome":"cancelled","tryNumber":1,"#
            + #""tryLimit":8,"leftBehind":["image 42"]"#)
    private static let abandoned = release(
        #""state":"cancelled","phase":"cancelled","abandonedBy":"anna","leftBehind":["image 42"]"#)

    @Test("A list says which try comes next and when")
    func list() async throws {
        try await withCoordinator({ router in
            router.say(
                "GET", "/api/v1/releases", #"{"items":[\#(Self.waiting),\#(Self.cleaning)]}"#)
        }) { coordinator in
            let ran = await coordinator.run("releases")
            let clock = Format.clock("2026-11-29T14:02:10Z")
            #expect(ran.out.contains("try 3 of 6, next at \(clock); connection refused"))
            #expect(ran.out.contains("86c77daa  debian12:7  lab  waiting to retry"))
            #expect(ran.out.contains("cancelled, cleaning up"))
            #expect(clock.count == 5 && clock.hasSuffix(":02"))
        }
    }

    @Test("A release is shown by the short names that people use")
    func show() async throws {
        try await withCoordinator({ router in
            router.on("GET", "/api/v1/releases/{id}") { _, path in
                .text(
                    path["id"] == "debian12:7@lab" ? Self.waiting : Self.cleaning,
                    type: "application/json", status: 200)
            }
        }) { coordinator in
            for name in ["debian12:7@lab", "debian12/7@lab"] {
                let ran = await coordinator.run("release", "show", name)
                #expect(ran.code == .ok && ran.out.contains("waiting to retry"), "\(ran)")
                #expect(ran.out.contains("try 3 of 6, next at"))
            }
            let ran = await coordinator.run("release", "show", "86c7")
            #expect(ran.out.contains("takes back") && ran.out.contains("image 42"))
            #expect(ran.out.contains("aibuild release cancel 86c77daa --abandon\n"))
        }
    }

    @Test("A cancel lists what has to be taken back, and --abandon what is left")
    func cancel() async throws {
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/releases/{id}/cancel", Self.cleaning, status: 202)
            router.say("POST", "/api/v1/releases/{id}/abandon", Self.abandoned)
        }) { coordinator in
            let ran = await coordinator.run("release", "cancel", "debian12:7@lab")
            #expect(
                ran.out == """
                    Cancelled release 86c77daa: debian12:7 to lab; it takes back what it began
                       takes back: image 42
                    To let go of it: aibuild release cancel 86c77daa --abandon

                    """)
            let gone = await coordinator.run("release", "cancel", "debian12:7@lab", "--abandon")
            #expect(
                gone.out == """
                    Abandoned release 86c77daa: debian12:7 to lab (cancelled)
                       left there: image 42

                    """)
        }
    }

    @Test("A timeout is a duration, and is sent in seconds")
    func timeout() async throws {
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/releases", #"{"items":[]}"#, status: 201)
        }) { coordinator in
            let ran = await coordinator.run(
                "release", "debian12:7", "--to", "lab", "--timeout", "30m", "--detach")
            #expect(ran.code == .ok)
            #expect(coordinator.bodies.last?.contains(#""timeoutSeconds":1800"#) == true)
            for wrong in ["30", "m", "-1m", "1w", ""] {
                let ran = await coordinator.run(
                    "release", "debian12:7", "--to", "lab", "--timeout", wrong)
                #expect(ran.code == .usage, "\(wrong)")
            }
        }
    }

    @Test("An environment removed by force says what is left there")
    func forcedRemoval() async throws {
        try await withCoordinator({ router in
            router.say(
                "DELETE", "/api/v1/environments/{name}",
                #"{"name":"lab","abandoned":[\#(Self.abandoned)]}"#)
        }) { coordinator in
            let ran = await coordinator.run("env", "remove", "lab", "--force")
            #expect(coordinator.lines == ["DELETE /api/v1/environments/lab force=true"])
            #expect(
                ran.out == """
                    Removed environment lab
                    Abandoned release 86c77daa: debian12:7 (cancelled)
                       left there: image 42

                    """)
        }
    }
}
