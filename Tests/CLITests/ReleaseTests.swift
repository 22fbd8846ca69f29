import HTTPTypes
import TestSupport
import Testing

@testable import aibuild

@Suite("Releasing from the command line") struct ReleaseTests {
    private static func release(_ environment: String, _ state: String, _ more: String = "")
        -> String
    {
        #"{"id":"r-\#(environment)","action":"release","guestOS":"d","buildNumber":1,"#
            + #""environment":"\#(environment)","state":"\#(state)"\#(more)}"#
    }

    private static func event(_ name: String, _ json: String, id: String? = nil) -> String {
        "event: \(name)\n" + (id.map { "id: \($0)\n" } ?? "") + "data: \(json)\n\n"
    }

    private static let made =
        #"{"items":[\#(release("lab", "queued")),\#(release("prod", "queued"))]}"#

    /// Of an image of 10 bytes.
    private static func upload(_ environment: String, _ doneBytes: Int) -> String {
        let progress =
            #","progress":{"what":"uploading","doneBytes":\#(doneBytes),"totalBytes":10}"#
        return event("state", release(environment, "running", progress), id: "\(doneBytes)")
    }

    @Test("Releases are followed side by side until all have ended")
    func followsToTheEnd() async throws {
        for (state, code) in [("released", ExitCode.ok), ("failed", .buildFailed)] {
            try await withCoordinator({ router in
                router.say("POST", "/api/v1/releases", Self.made, status: 201)
                router.on("GET", "/api/v1/releases/{id}/events") { _, path in
                    let name = path["id"] == "r-lab" ? "lab" : "prod"
                    let last = name == "lab" ? state : "released"
                    return .events(
                        Pieces([
                            Self.upload(name, 5), Self.upload(name, 10),
                            Self.event("end", Self.release(name, last, #","remoteID":"i""#)),
                        ]))
                }
            }) { coordinator in
                let ran = await coordinator.run("release", "d:1", "--to", "lab,prod")
                #expect(ran.code == code)
                for line in [
                    "== lab: running, uploading", "== prod: running, uploading",
                    "== lab: \(state) as i", "== prod: released as i",
                ] {
                    let count = ran.err.split(separator: "\n").count { $0 == line }
                    #expect(count == 1, "\(line) in \(ran.err)")
                }
                let asked = coordinator.lines.filter { $0.hasPrefix("GET") }.sorted()
                #expect(
                    asked == [
                        "GET /api/v1/releases/r-lab/events", "GET /api/v1/releases/r-prod/events",
                    ])
            }
        }
    }

    @Test("After a lost connection a release is followed from the last event")
    func reconnects() async throws {
        let positions = Notes<String>()
        try await withCoordinator({ router in
            router.say(
                "POST", "/api/v1/releases", #"{"items":[\#(Self.release("lab", "queued"))]}"#)
            router.on("GET", "/api/v1/releases/{id}/events") { request, _ in
                let last = request.headers["Last-Event-ID"] ?? ""
                positions.add(last)
                return .events(
                    Pieces([
                        last.isEmpty
                            ? Self.upload("lab", 5)
                            : Self.event("end", Self.release("lab", "released"))
                    ]))
            }
        }) { coordinator in
            let ran = await coordinator.run("release", "d:1", "--to", "lab")
            #expect(ran.code == .ok)
            #expect(positions.all == ["", "5"])
            #expect(
                ran.err.contains("Reconnecting …") && ran.err.contains("aibuild: Reconnected\n"))
        }
    }

    @Test("On a terminal the progress of all running releases shares one line")
    func drawsProgress() async throws {
        try await withCoordinator({ router in
            router.say(
                "POST", "/api/v1/releases", #"{"items":[\#(Self.release("lab", "queued"))]}"#)
            router.on("GET", "/api/v1/releases/{id}/events") { _, _ in
                .events(
                    Pieces([
                        Self.upload("lab", 5), Self.event("end", Self.release("lab", "released")),
                    ]))
            }
        }) { coordinator in
            let ran = await coordinator.run("release", "d:1", "--to", "lab", terminal: true)
            #expect(ran.err.contains("lab: uploading 50 % of 10 B\r\u{1B}[K== lab: released\n"))
        }
    }

    @Test("A release that waits for approval says how to approve it")
    func explainsApproval() async throws {
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/releases", Self.made, status: 201)
            router.on("GET", "/api/v1/releases/{id}/events") { _, path in
                let name = path["id"] == "r-lab" ? "lab" : "prod"
                return .events(
                    Pieces([
                        Self.event("state", Self.release(name, "awaitingApproval"), id: "1"),
                        Self.event("end", Self.release(name, "cancelled")),
                    ]))
            }
        }) { coordinator in
            let ran = await coordinator.run("release", "d:1", "--to", "lab,prod")
            #expect(ran.code == .cancelled)
            #expect(ran.err.contains("aibuild release approve r-lab\n"))
            let detached = await coordinator.run("release", "d:1", "--to", "lab", "--detach")
            #expect(detached.code == .ok && detached.out.contains("r-prod"))
        }
    }
}
