import CoordinatorCore
import HTTPTypes
import Testing

/// A mistyped name gets the nearest one that is registered.
@Suite struct NearMissTests {
    private let farm: LeaderAPI

    init() async throws {
        farm = try await LeaderAPI()
        for name in ["debian12", "debian11", "win2022"] {
            try await farm.leader.add(
                GuestOS(
                    id: name, name: name, type: .linux, distro: "", version: "", baseISO: "",
                    template: .missing, owner: "o", createdMilliseconds: 0))
        }
        try await farm.leader.add(
            Host(name: "kvm-east", address: "a@b", hostKey: "k", createdMilliseconds: 0))
        try await farm.leader.add(
            TestCase(id: "t", name: "selinux", osType: .linux, definition: nil))
        try await farm.leader.add(
            ReleaseEnvironment(
                id: "e", name: "staging",
                settings: .registry(
                    RegistrySettings(url: "https://r.example.org", repository: "{guestos}")),
                createdMilliseconds: 0), secret: nil)
    }

    @Test(
        "Wherever a name is unknown, the one that was meant is named",
        arguments: [
            ("GET", "guestos/debain12", "", "Did you mean 'debian12'?"),
            ("GET", "guestos/Win2022", "", "Did you mean 'win2022'?"),
            ("POST", "builds", #"{"guestOS":"debain12"}"#, "Did you mean 'debian12'?"),
            ("GET", "builds/debain12:7", "", "Did you mean 'debian12:7'?"),
            ("POST", "builds/debain12:latest/cancel", "", "Did you mean 'debian12:latest'?"),
            ("GET", "builds/debian12", "", "Did you mean 'debian12:latest'?"),
            ("GET", "builds/debian12:lastest", "", "Did you mean 'debian12:latest'?"),
            ("GET", "builds?guestos=debain12", "", "Did you mean 'debian12'?"),
            ("GET", "releases?guestos=debain12", "", "Did you mean 'debian12'?"),
            ("GET", "releases?environment=stagin", "", "Did you mean 'staging'?"),
            ("POST", "hosts/kvm-eats/drain", "", "Did you mean 'kvm-east'?"),
            ("GET", "hosts/kvm-eats", "", "Did you mean 'kvm-east'?"),
            ("GET", "testcases/selinx", "", "Did you mean 'selinux'?"),
            ("GET", "environments/stagin", "", "Did you mean 'staging'?"),
            ("DELETE", "environments/stagin", "", "Did you mean 'staging'?"),
            (
                "POST", "releases/rollback", #"{"guestOS":"debain12","environments":["staging"]}"#,
                "Did you mean 'debian12'?"
            ),
            (
                "POST", "releases/rollback", #"{"guestOS":"debian12","environments":["stagin"]}"#,
                "Did you mean 'staging'?"
            ),
        ])
    func suggests(method: String, path: String, body: String, words: String) async throws {
        let answer = try await farm.api.ask(method, "/api/v1/\(path)", body)
        #expect(answer.status == 404, "\(answer.text)")
        #expect(answer.text.contains(words), "\(answer.text)")
    }

    @Test("If no name is near, the command that lists them all is named")
    func lists() async throws {
        for (path, command) in [
            ("guestos/solaris", "aibuild guestos list"), ("hosts/nas", "aibuild host list"),
            ("testcases/boots", "aibuild testcase list"),
            ("environments/prod", "aibuild env list"), ("releases/none", "aibuild releases"),
        ] {
            let answer = try await farm.api.ask("GET", "/api/v1/\(path)")
            #expect(answer.status == 404)
            #expect(answer.text.contains("List them: \(command)"), "\(answer.text)")
        }
    }

    @Test("A list of a known guest OS that has nothing yet is empty")
    func knownFilter() async throws {
        for list in ["builds", "releases"] {
            let answer = try await farm.api.ask("GET", "/api/v1/\(list)?guestos=debian12")
            #expect(answer.status == 200 && answer.text.contains(#""items":[]"#))
        }
    }
}
