import Testing

@testable import aibuild

@Suite struct FailureCommandTests {
    @Test("failures lists first errors with how often and where; show says it of one build")
    func failures() async throws {
        let group =
            #"{"id":"0123456789abcdef","text":"E: no foo-#","count":4,"words":"same first error "#
            + #"4 times since Tuesday, 3 of them on kvm7","firstAt":"2026-11-24T09:00:00.000Z","#
            + #""lastAt":"2026-11-30T09:00:00.000Z","lastBuild":"debian12:8","#
            + #""hosts":[{"name":"kvm7","count":3},{"name":"kvm1","count":1}],"#
            + #""guestOSes":[{"name":"debian12","count":4}]}"#
        let build =
            #"{"id":"b1","guestOS":"debian12","number":8,"state":"failed","submittedAt":"x","#
            + #""fault":{"class":"template","code":"packer.failed","reason":"E: no foo-1"},"#
            + #""attempts":[],"artifacts":[],"fingerprint":\#(group)}"#
        try await withCoordinator({
            $0.say("GET", "/api/v1/failures", #"{"items":[\#(group)]}"#)
            $0.say("GET", "/api/v1/builds/{id}", build)
        }) { coordinator in
            let list = await coordinator.run(
                "failures", "--guestos", "debian12", "--since", "2026-11-01")
            #expect(list.code == .ok)
            #expect(
                list.out.contains(#/4 +.* debian12:8 +kvm7 3, kvm1 1 +.*E: no foo-#\n/#), "\(list)")
            let show = await coordinator.run("show", "debian12:8").out
            #expect(
                show.contains(
                    #/seen +same first error 4 times since Tuesday, 3 of them on kvm7\n/#),
                "\(show)")
        }
    }
}
