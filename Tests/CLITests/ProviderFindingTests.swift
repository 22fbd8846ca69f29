import TestSupport
import Testing

@testable import aibuild

/// What the doctor says of the system that people sign in by.
@Suite struct ProviderFindingTests {
    @Test("The doctor says when the provider of sign-ins was reached, and what went wrong")
    func theDoctorChecksTheProvider() async throws {
        for (fields, words) in [
            (
                #""reachedAt":"2026-11-30T10:00:00Z""#,
                "ok   Sign-in by Example: it last answered at "
            ),
            ("", "ok   Sign-in by Example: it was not needed"),
            (
                #""problem":"it cannot be asked","problemAt":"2026-11-30T10:00:00Z""#,
                "warn Sign-in by Example does not work: it cannot be asked ("
            ),
        ] {
            let signIn = #"{"label":"Example"\#(fields.isEmpty ? "" : ",")\#(fields)}"#
            try await withCoordinator({ router in
                router.say("GET", "/healthz", "ok")
                router.say("GET", "/api/v1/version", #"{"version":"0.1.0","protocol":"1.1"}"#)
                router.say("GET", "/readyz", "{}")
                router.say("GET", "/api/v1/setup", #"{"problems":[],"signIn":\#(signIn)}"#)
            }) { coordinator in
                let ran = await coordinator.run("doctor")
                #expect(ran.out.contains(words), "\(ran.out)")
            }
        }
    }
}
