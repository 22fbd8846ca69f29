import ProcessKit
import Support
import TestSupport
import Testing

/// A build that prints a thousand numbered lines and waits in the middle, for tests that break
/// something meanwhile.
extension Farm {
    /// Returns when the build waits for `open("on")`.
    func gatedBuild() async throws -> FarmBuild {
        try await script(
            "debian",
            """
            seq 1 500; echo begun; \(Scripts.gate(self, "on"))
            seq 501 1000; \(Scripts.image(2_000_000))
            """)
        let build = try await api.submit("debian")
        try await api.logs(build, "begun")
        return build
    }

    /// Checks that the build passes at its first attempt, logs each line once, and is published
    /// once.
    /// - Parameter api: of the coordinator that leads now.
    func expectWhole(_ build: FarmBuild, at api: FarmClient) async throws -> FarmBuild {
        let passed = try await api.end(of: build)
        try #require(passed.state == "passed", "\(passed)")
        #expect(passed.attempts?.map(\.summary) == ["kvm0 passed"], "it was not begun anew")
        let log = try await api.log(build)
        #expect(passed.attempts?.last?.logSHA256 == SHA256.hex(log))
        let text = String(decoding: log, as: UTF8.self)
        for number in 1...1000 {
            #expect(text.ranges(of: "\"m\":\"\(number)\"").count == 1, "\(number)")
        }
        let folder = "\(webRoot)/images/build/debian"
        #expect(try Files.list(folder).filter { $0.hasSuffix(".raw") }.count == 1)
        #expect(try Files.list("\(webRoot)/images/build") == ["debian"], "no .part is left")
        return passed
    }
}
