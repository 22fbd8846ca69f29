import Testing

/// What `aibuild show` says of the variables of a build.
@Suite struct VariableTests {
    @Test("show says of each variable where it comes from, and how often it is tried again")
    func showsVariables() async throws {
        let detail =
            #"{"id":"b1","guestOS":"debian12","number":7,"state":"passed","#
            + #""imageName":"x","owner":"o","reason":"r","submittedAt":"2026-11-30T10:00:00Z","#
            + #""attempts":[{"attempt":"t","ordinal":2,"host":"kvm1","startedAt":"x","#
            + #""hostVariables":{"mirror":"http://near"}}],"plan":{"retries":2,"#
            + #""variableOrigins":{"channel":"trigger","size":"guestos"},"recipe":{"variables":"#
            + #"{"channel":"beta","size":"9","mirror":"http://far"},"values":{"l":["a"]}}}}"#
        try await withCoordinator({ $0.say("GET", "/api/v1/builds/{id}", detail) }) {
            let out = await $0.run("show", "debian12:7").out
            #expect(out.contains(#/retries +at most 2\n/#), "\(out)")
            #expect(out.contains(#/channel +beta +trigger/#))
            #expect(out.contains(#/size +9 +guest OS/#))
            #expect(out.contains(#/l +\["a"\] +aibuild.yml/#))
            #expect(out.contains(#/mirror +http:\/\/far +aibuild.yml/#))
            #expect(out.contains(#/mirror +http:\/\/near +host kvm1, attempt 2/#))
        }
    }
}
