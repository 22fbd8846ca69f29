import HTTPTypes
import Testing

@testable import aibuild

/// `aibuild audit`
@Suite("Audit log on the command line") struct AuditTests {
    @Test("The table names the token, browser or machine that a change was made with")
    func signedInBy() async throws {
        try await withCoordinator(
            { router in
                router.on("GET", "/api/v1/audit", query: ["since", "limit"]) { request, _ in
                    #expect(request.query["since"] == "2h")
                    return .text(
                        #"{"items":[{"id":1,"at":"2026-11-30T09:00:00.000Z","actor":"anna","#
                            + #""action":"user.change","subject":"bert","detail":"teams: +web","#
                            + #""address":"10.0.0.7","signedInBy":"token 3f2a90c1"}]}"#,
                        type: "application/json")
                }
            }
        ) { coordinator in
            let ran = await coordinator.run("audit", "--since", "2h")
            #expect(ran.code == .ok && ran.out.contains("10.0.0.7"), "\(ran.err)")
            #expect(ran.out.contains("token 3f2a90c1"), "\(ran.out)")
        }
    }
}
