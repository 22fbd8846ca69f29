@testable import AgentCore
import BuildProtocol
import Testing

@Suite struct SecretTests {
    private func shown(_ secrets: [String], _ pieces: [String]) -> String {
        var mask = SecretMask(secrets.map { Array($0.utf8) })
        var shown: [UInt8] = []
        for piece in pieces {
            Array(piece.utf8).withUnsafeBytes { mask.push($0) { shown += $0 } }
        }
        shown += mask.finish()
        return String(decoding: shown, as: UTF8.self)
    }

    @Test(
        "A secret is replaced wherever a stream is cut",
        arguments: [
            (["a hunter22 b"], "a *** b"), (["a hunt", "er22 b"], "a *** b"),
            (["h", "u", "n", "t", "e", "r", "2", "2"], "***"), (["hunter"], "hunter"),
            (["hunter2", "x"], "hunter2x"), (["hhunter22"], "h***"),
            (["hunterhunter22"], "hunter***"), (["hunter22hunter22"], "******"), ([""], ""),
        ])
    func cutStreams(pieces: [String], expected: String) {
        #expect(shown(["hunter22"], pieces) == expected)
    }

    @Test("Each line of a secret is one, also as JSON and in Packer's machine-readable output")
    func forms() {
        let key = "{\"type\": \"key\",\n  \"private\": \"abc,def\"}\nab\n"
        #expect(shown([key], [key]).contains("abc") == false)
        #expect(shown([key], ["x \"private\": \"abc,def\"} y"]) == "x *** y")
        #expect(shown([key], [#"x \"private\": \"abc,def\"} y"#]) == "x *** y")
        #expect(
            shown([key], ["x \"private\": \"abc%!(PACKER_COMMA)def\"} y"]) == "x *** y")
        // Too short to be masked.
        #expect(shown([key], ["ab"]) == "ab")
    }

    @Test("The longest of several secrets is replaced as a whole")
    func longest() {
        #expect(shown(["secret", "secret-word"], ["a secret-word, a secret"]) == "a ***, a ***")
        #expect(shown(["secret-word", "secret"], ["secret-wor"]) == "***-wor")
    }

    @Test("Without secrets, everything passes unchanged") func noSecrets() {
        #expect(SecretMask([]).isEmpty)
        #expect(SecretMask([Array("abc".utf8)]).isEmpty)
        var output = MaskedOutput(SecretMask([Array("hunter22".utf8)]))
        var sink = RawSink()
        var records: [UInt8] = []
        for piece in ["say hun", "ter22\n", "hunt"] {
            Array(piece.utf8).withUnsafeBytes {
                _ = output.take(
                    $0, of: .out, unixMilliseconds: 1, to: &sink, into: &records)
            }
        }
        output.finish(unixMilliseconds: 2, to: &sink, into: &records)
        let counted =
            #"{"t":2,"s":"sys","m":"secrets were replaced by *** once in the output above","#
            + #""k":"masked"}"#
        #expect(
            String(decoding: records, as: UTF8.self) == """
                {"t":1,"s":"out","m":"say ***"}
                {"t":2,"s":"out","m":"hunt"}
                \(counted)

                """)
        #expect(sink.tail.text == "say ***\nhunt")
    }

    @Test(
        "Only the guest OSes of a secret may use it",
        arguments: [
            (["*"], true), (["cloud-*"], true), (["cloud-debian"], true), (["*-debian"], true),
            (["c*-*n"], true), ([], false), (["debian"], false), (["cloud-"], false),
            (["other", "cloud-d*"], true), (["Cloud-*"], false),
        ])
    func guestOSes(patterns: [String], isAllowed: Bool) {
        #expect(HostSecret(file: "/s", guestOSes: patterns).isFor("cloud-debian") == isAllowed)
    }

    @Test(
        "Variables that the agent sets cannot be replaced, and names must be sound",
        arguments: ["PATH", "HOME", "AIBUILD_OUTPUT", "PACKER_LOG", "a=b", "", "1a", "ä", "a b"])
    func badNames(name: String) {
        #expect(EnvironmentValue.problem(ofName: name) != nil)
    }

    @Test("Usual names are accepted", arguments: ["OS_PASSWORD", "PKR_VAR_x", "a", "_x1"])
    func goodNames(name: String) { #expect(EnvironmentValue.problem(ofName: name) == nil) }
}
