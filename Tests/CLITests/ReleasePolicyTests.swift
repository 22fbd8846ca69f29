import HTTPTypes
import Testing

@testable import aibuild

@Suite("Release policies from the command line") struct ReleasePolicyTests {
    private static let environment = #"""
        {"name":"lab","kind":"registry",
         "settings":{"registry":{"url":"https://r","repository":"i"}},
         "policy":{"guestos":["debian*"],"images":["{guestos}-*"],"approval":true}}
        """#

    private static func release(_ state: String) -> String {
        #"{"id":"r1","action":"release","guestOS":"d","buildNumber":1,"environment":"lab","#
            + #""state":"\#(state)"}"#
    }

    @Test("A policy is sent with the settings of a new environment")
    func add() async throws {
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/environments", Self.environment, status: 201)
        }) { coordinator in
            let ran = await coordinator.run(
                "env", "add", "lab", "--kind", "registry", "--registry-url", "https://r",
                "--guestos", "debian*", "--guestos", "rocky9", "--image", "{guestos}-*",
                "--approval", "required")
            #expect(ran.code == .ok)
            #expect(
                coordinator.bodies[0].contains(
                    #""policy":{"approval":true,"guestos":["debian*","rocky9"],"#
                        + #""images":["{guestos}-*"]}"#))
        }
    }

    @Test(
        "A change sends only what is given",
        arguments: [
            (
                ["--approval", "none"],
                #"{"name":"lab","policy":{"approval":false},"unchecked":false}"#
            ),
            (["--image", "none"], #"{"name":"lab","policy":{"images":[]},"unchecked":false}"#),
            (["--guestos", "a"], #"{"name":"lab","policy":{"guestos":["a"]},"unchecked":false}"#),
            (["--unchecked"], #"{"name":"lab","unchecked":true}"#),
        ])
    func change(words: [String], body: String) async throws {
        try await withCoordinator({ router in
            router.say("PUT", "/api/v1/environments/lab", Self.environment)
        }) { coordinator in
            let ran = await runCLI(["env", "change", "lab"] + words, url: coordinator.url)
            #expect(ran.code == .ok, "\(ran.err)")
            #expect(coordinator.bodies == [body])
        }
    }

    @Test(
        "What cannot be meant is refused before anything is sent",
        arguments: [
            (["--approval", "yes"], "Unknown --approval: yes. Use required or none"),
            (["--keep", "3"], "Option --keep needs --kind and all settings"),
            (["--kind", "cloud"], "Unknown kind: cloud"),
        ])
    func wrongWords(words: [String], why: String) async {
        let ran = await runCLI(["env", "change", "lab"] + words)
        #expect(ran.code == .usage && ran.err.contains(why), "\(ran.err)")
    }

    @Test("The list of environments shows what each takes")
    func list() async throws {
        try await withCoordinator({ router in
            router.say("GET", "/api/v1/environments", #"{"items":[\#(Self.environment)]}"#)
        }) { coordinator in
            let ran = await coordinator.run("env", "list")
            #expect(
                ran.out.contains("guestos debian*; images {guestos}-*; approval required"))
        }
    }

    @Test("Image names are listed with their owners, and given away")
    func names() async throws {
        try await withCoordinator({ router in
            router.say(
                "GET", "/api/v1/environments/lab/names",
                #"{"items":[{"name":"gold","guestOS":"debian12"}],"next":"gold"}"#)
            router.say(
                "PUT", "/api/v1/environments/lab/names", #"{"name":"gold","guestOS":"rocky9"}"#)
        }) { coordinator in
            let list = await coordinator.run("env", "names", "lab")
            #expect(list.out.contains("gold") && list.out.contains("debian12"))
            let given = await coordinator.run("env", "give", "lab", "gold", "--guestos", "rocky9")
            #expect(given.out == "Gave gold in environment lab to rocky9\n")
            #expect(coordinator.bodies.last == #"{"guestOS":"rocky9","name":"gold"}"#)
        }
    }

    @Test("A list shows that a release waits for approval, and it can be refused")
    func refuse() async throws {
        try await withCoordinator({ router in
            router.say(
                "GET", "/api/v1/releases", #"{"items":[\#(Self.release("awaitingApproval"))]}"#)
            router.say("POST", "/api/v1/releases/r1/refuse", Self.release("refused"))
        }) { coordinator in
            #expect(await coordinator.run("releases").out.contains("waiting for approval"))
            let ran = await coordinator.run("release", "refuse", "r1", "--reason", "old kernel")
            #expect(ran.out == "Refused release r1: d:1 to lab\n")
            #expect(coordinator.bodies.last == #"{"reason":"old kernel"}"#)
        }
    }

    @Test("Following a release ends when it is refused")
    func followsToTheRefusal() async throws {
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/releases", #"{"items":[\#(Self.release("queued"))]}"#)
            router.on("GET", "/api/v1/releases/{id}/events") { _, _ in
                .events(
                    Pieces([
                        "event: state\nid: 1\ndata: \(Self.release("awaitingApproval"))\n\n",
                        "event: end\ndata: \(Self.release("refused"))\n\n",
                    ]))
            }
        }) { coordinator in
            let ran = await coordinator.run("release", "d:1", "--to", "lab")
            #expect(ran.code == .buildFailed)
            #expect(ran.err.contains("== lab: waiting for approval\n"))
            #expect(ran.err.contains("== lab: refused\n"))
        }
    }
}
