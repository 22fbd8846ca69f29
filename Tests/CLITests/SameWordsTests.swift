import HTTPTypes
import TestSupport
import Testing

@testable import aibuild

/// Guest OSes, test cases, environments and hosts are handled alike.
@Suite struct SameWordsTests {
    @Test(
        "What is registered can be listed, shown, added, changed and removed",
        arguments: ["guestos", "testcase", "env", "host"])
    func verbs(kind: String) throws {
        for verb in ["list", "show", "add", "change", "remove"] {
            let command = try #require(
                Commands.all.first { $0.name == "\(kind) \(verb)" }, "\(kind) \(verb)")
            #expect(command.operands.first == (verb == "list" ? nil : "NAME"))
        }
    }

    @Test("A test case has --type as a guest OS does; --os-type is accepted with a note")
    func type() async throws {
        for option in ["--type", "--os-type"] {
            let coordinator = try FakeCoordinator { router in
                router.say("GET", "/api/v1/testcases", #"{"items":[]}"#)
            }
            let ran = await runCLI(["testcase", "list", option, "linux"], url: coordinator.url)
            await coordinator.stop()
            #expect(ran.code == .ok)
            #expect(coordinator.lines == ["GET /api/v1/testcases os_type=linux"])
            #expect(ran.err.contains("--os-type is now --type") == (option == "--os-type"))
        }
        let help = await runCLI(["testcase", "add", "--help"], url: "http://127.0.0.1:1")
        #expect(help.out.contains("--type TYPE") && !help.out.contains("os-type"))
        let missing = await runCLI(["testcase", "add", "x"], url: "http://127.0.0.1:1")
        #expect(missing.code == .usage && missing.err.contains("missing option: --type TYPE"))
    }

    @Test("A guest OS that is removed says whether it was retired, and how to undo that")
    func removal() async throws {
        for isRetired in [true, false] {
            let coordinator = try FakeCoordinator { router in
                router.say(
                    "DELETE", "/api/v1/guestos/{name}",
                    #"{"name":"debian9","retired":\#(isRetired)}"#)
            }
            let ran = await runCLI(["guestos", "remove", "debian9"], url: coordinator.url)
            await coordinator.stop()
            #expect(ran.code == .ok)
            #expect(
                ran.out
                    == (isRetired
                        ? "Retired guest OS debian9: it has builds, which stay, and takes no new "
                            + "ones. Undo it: aibuild guestos change debian9 --restore\n"
                        : "Removed guest OS debian9\n"))
        }
    }

    @Test("An environment is shown with its policy and every setting, and no secret")
    func environment() async throws {
        let coordinator = try FakeCoordinator { router in
            router.say(
                "GET", "/api/v1/environments/{name}",
                #"{"name":"edge","kind":"docker","createdAt":"2026-11-28T17:37:27.322Z","#
                    + #""settings":{"docker":{"repository":"images/{guestos}","#
                    + #""healthSeconds":90,"hosts":["#
                    + #"{"name":"a","url":"https://a:2376","certificates":"/a","container":"{}"},"#
                    + #"{"name":"b","url":"https://b:2376","certificates":"/b","container":"{}"}"#
                    + #"]}},"policy":{"guestos":["debian*"],"images":[],"approval":true}}"#)
        }
        let ran = await runCLI(["env", "show", "edge"], url: coordinator.url)
        await coordinator.stop()
        #expect(ran.code == .ok)
        for line in [
            "kind           docker", "guest OSes     debian*", "images         own name only",
            "approval       required", "healthSeconds  90", "hosts          a at https://a:2376",
            "hosts          b at https://b:2376", "repository     images/{guestos}",
        ] {
            #expect(ran.out.contains(line + "\n"), "\(ran.out)")
        }
    }
}
