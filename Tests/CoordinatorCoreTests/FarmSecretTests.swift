import CoordinatorCore
import Testing

@Suite struct FarmSecretTests {
    private func problem(_ name: String, _ guestOSes: [String]) -> String? {
        FarmSecret(
            name: name, guestOSes: guestOSes, createdMilliseconds: 0, changedMilliseconds: 0,
            changedBy: "admin"
        ).problem
    }

    @Test("A value that cannot be used is refused with why, and without any of it")
    func values() {
        for (value, why) in [
            ("hunter2", nil), ("hunt", "has 4 bytes"), ("", "has 0 bytes"),
            ("hunter2\0", "has a NUL byte"), ("ab   \n\n   ", "white space"),
            (String(repeating: "x", count: 64 << 10), nil),
            (String(repeating: "x", count: 64 << 10 + 1), "at most 65536"),
        ] {
            let problem = FarmSecret.problem(ofValue: Secret(value))
            #expect((problem == nil) == (why == nil))
            #expect(problem?.contains(why ?? "") != false, "\(problem ?? "")")
            #expect(problem?.contains("hunt") != true)
        }
    }

    @Test("A secret needs a name, and guest OSes that there can be")
    func fields() {
        #expect(problem("cloud", ["*"]) == nil)
        #expect(problem("cloud", ["cloud-*", "debian12"]) == nil)
        #expect(problem("a/b", ["*"]) != nil)
        // For the coordinator's own logins.
        #expect(problem("cloud", []) == nil)
        #expect(problem("cloud", [""]) != nil)
        #expect(problem("cloud", ["a/b"]) != nil)
        let scoped = FarmSecret(
            name: "cloud", guestOSes: [], environments: ["lab", "a/b"], createdMilliseconds: 0,
            changedMilliseconds: 0, changedBy: "admin")
        #expect(scoped.problem?.contains("no environment can have a name like 'a/b'") == true)
        #expect(problem("cloud", Array(repeating: "a*", count: 101))?.contains("use *") == true)
    }
}
