@testable import AgentCore
import Testing

/// What is masked, by a slow and simple description of it, and wherever a stream is cut.
@Suite struct SecretMaskTests {
    private static func shown(_ mask: SecretMask, _ pieces: [ArraySlice<UInt8>]) -> String {
        var mask = mask
        var shown: [UInt8] = []
        for piece in pieces { Array(piece).withUnsafeBytes { mask.push($0) { shown += $0 } } }
        shown += mask.finish()
        return String(decoding: shown, as: UTF8.self)
    }

    /// What is shown if the stream is cut at each position, and byte by byte.
    private static func shownHoweverCut(_ secrets: [String], _ text: String) -> Set<String> {
        let mask = SecretMask(secrets.map { Array($0.utf8) })
        let bytes = Array(text.utf8)
        var all: Set<String> = [shown(mask, bytes.indices.map { bytes[$0...$0] })]
        for cut in 0...bytes.count { all.insert(shown(mask, [bytes[..<cut], bytes[cut...]])) }
        return all
    }

    private static let base64 = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// With padding, bit by bit.
    private static func encoded(_ text: String, isURL: Bool = false) -> String {
        var bits = text.utf8.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while bits.count % 6 != 0 { bits.append(0) }
        var encoded = stride(from: 0, to: bits.count, by: 6).map { start in
            base64[bits[start..<start + 6].reduce(0) { $0 * 2 + Int($1) }]
        }
        while encoded.count % 4 != 0 { encoded.append(UInt8(ascii: "=")) }
        let text = String(decoding: encoded, as: UTF8.self)
        guard isURL else { return text }
        return String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }

    @Test(
        "A secret is masked wherever the stream is cut, also where secrets overlap",
        arguments: [
            (["hunter22"], "a hunter22, hunter22hunter22 b", "a ***, ****** b"),
            (["secret", "secret-word"], "a secret-word, a secret-wo", "a ***, a ***-wo"),
            (["secret-word", "word-of-mouth"], "a secret-word-of-mouth b", "a *** b"),
            (["abcabcabc"], "abcabcabcabcab", "***ab"),
            (["xaaaaax", "aaxaaaaab"], "xaaaaaxaaaaabx", "***x"),
            (["secret-word", "secret"], "secret-secret-word", "***-***"),
            (["abcdefgh", "cdefgh", "efghijkl"], "1abcdefghijkl2", "1***2"),
        ])
    func cuts(secrets: [String], text: String, expected: String) {
        #expect(Self.shownHoweverCut(secrets, text) == [expected])
    }

    @Test("The private key in Google's JSON is masked as a file of its own, and its project is not")
    func keyInJSON() {
        let secret = #"""
            {"project_id": "images", "n": [1],
             "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIB/g\u003d\n-----END KEY-----\n"}
            """#
        for (text, expected) in [
            ("key: -----BEGIN PRIVATE KEY-----\nMIIEvQIB/g=\n-----END KEY-----\n", "key: ***\n"),
            ("MIIEvQIB/g=, images", "***, images"),
            (#""-----BEGIN PRIVATE KEY-----\nMIIEvQIB/g=\n-----END KEY-----\n""#, #""***\n""#),
        ] {
            #expect(Self.shownHoweverCut([secret], text) == [expected])
        }
    }

    @Test(
        "Base64 is masked at each of its alignments, in both alphabets",
        arguments: ["hunter22-and-more", "~~?>~~?>?", "s3cr3t", "püff-päff"])
    func alignments(secret: String) {
        for isURL in [false, true] {
            for before in ["", "a", "ab", "abc", "abcd"] {
                for after in ["", "y", "yz"] {
                    let text = Self.encoded(before + secret + after, isURL: isURL)
                    let shown = Self.shownHoweverCut([secret], text)
                    #expect(shown.count == 1)
                    let rest = shown.first ?? ""
                    #expect(rest.contains("***"), "\(text): \(rest)")
                    // What is shared with the neighbours remains: one character at each end.
                    let kept = rest.utf8.filter { $0 != UInt8(ascii: "*") }.count
                    let padding = text.utf8.filter { $0 == UInt8(ascii: "=") }.count
                    let others = [before, after].map { ($0.utf8.count * 8 + 5) / 6 }
                    #expect(kept <= others[0] + others[1] + padding + 1, "\(text): \(rest)")
                }
            }
        }
        let alone = Self.shownHoweverCut([secret], Self.encoded(secret)).first ?? ""
        #expect(alone.filter { $0 != "=" } == "***")
    }

    @Test("A key that base64 prints in lines is masked line by line")
    func wrapped() {
        let key = (1...9).map { "line \($0) of the key: 0123456789\n" }.joined()
        for width in [64, 76] {
            let text = Array(Self.encoded(key).utf8)
            let lines = stride(from: 0, to: text.count, by: width).map {
                String(decoding: text[$0..<min($0 + width, text.count)], as: UTF8.self)
            }
            let shown = Self.shownHoweverCut([key], lines.joined(separator: "\n") + "\n")
            #expect(shown.count == 1)
            #expect(
                shown.first?.split(separator: "\n").allSatisfy { $0.hasPrefix("***") } == true,
                "\(shown)")
        }
    }

    @Test(
        "URLs are masked in capitals and in small letters, by the rules of several programs",
        arguments: [
            "p%40ss%2Fw%C3%B6rd%20%2B1", "p%40ss%2fw%c3%b6rd%20%2b1", "p%40ss/w%C3%B6rd%20%2B1",
            "p%40ss/w%c3%b6rd%20%2b1", "p%40ss%2Fw%C3%B6rd+%2B1", "p@ss/wörd +1",
        ])
    func urls(form: String) {
        let shown = Self.shownHoweverCut(["p@ss/wörd +1"], "https://u:\(form)@h")
        #expect(shown == ["https://u:***@h"])
    }

    @Test("What stands in a form after a key is masked as well")
    func marks() {
        #expect(Self.shownHoweverCut(["it's(here)*!"], "x=it's(here)*!&y") == ["x=***&y"])
        #expect(Self.shownHoweverCut(["it's(here)*!"], "x=it%27s%28here%29*%21&y") == ["x=***&y"])
        #expect(
            Self.shownHoweverCut(["a<b>c&d\te"], #""a\u003cb\u003ec\u0026d\te""#) == [#""***""#])
    }

    @Test("Base64 in lines is masked wherever in it the secret stands, and JSON of other programs")
    func otherForms() {
        let token = String((0..<105).map { Character(Unicode.Scalar(UInt8(33 + $0 * 7 % 90))) })
        let mask = SecretMask([Array(token.utf8)])
        for width in [64, 76] {
            for before in 0..<80 {
                let prefix = String(repeating: "u", count: before)
                let encoded = Array(Self.encoded(prefix + token + "end").utf8)
                let lines = stride(from: 0, to: encoded.count, by: width).map {
                    String(decoding: encoded[$0..<min($0 + width, encoded.count)], as: UTF8.self)
                }
                let text = lines.joined(separator: "\n")
                let shown = Self.shown(mask, [Array(text.utf8)[...]])
                #expect(shown.contains("***"), "\(width) \(before)")
                #expect(shown.utf8.count < encoded.count - 130, "\(width) \(before): \(shown)")
            }
        }
        let secret = #"S3cr/et:"p@ss wörd"#
        for form in [
            #"S3cr/et:\"p@ss w\u00f6rd"#, #"S3cr\/et:\"p@ss wörd"#, #"S3cr/et:\\\"p@ss wörd"#,
        ] {
            let shown = Self.shown(SecretMask([Array(secret.utf8)]), [Array(form.utf8)[...]])
            #expect(shown == "***", "\(form)")
        }
    }

    @Test("Every line of a long secret is masked in a long text, however it is read")
    func longText() {
        var random = Numbers(state: 7)
        let lines = (0..<40).map { _ in
            String(decoding: (0..<48).map { _ in Self.base64[random.below(64)] }, as: UTF8.self)
        }
        let mask = SecretMask([Array(lines.joined(separator: "\n").utf8)])
        var text = ""
        var expected = ""
        for round in 0..<400 {
            let word = String(repeating: "word\(round) ", count: random.below(4))
            text += word + lines[random.below(lines.count)] + "\n"
            expected += word + "***\n"
        }
        let bytes = Array(text.utf8)
        for size in [1, 7, 64, 4096, bytes.count] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                bytes[$0..<min($0 + size, bytes.count)]
            }
            #expect(Self.shown(mask, pieces) == expected)
        }
    }

    /// As `BytePatterns`, by looking everywhere.
    @Test("What is found is what is there, for strings and texts of few letters")
    func agreesWithSearch() {
        var random = Numbers(state: 11)
        for _ in 0..<2000 {
            let strings = (0...random.below(4)).map { _ in random.letters(3 + random.below(5)) }
            let text = random.letters(random.below(40))
            let patterns = BytePatterns(strings)
            let wanted = text.indices.filter { index in
                strings.contains { text[index...].starts(with: $0) }
            }
            var found: [Int] = []
            text.withUnsafeBytes { bytes in
                var start = 0
                while let place = patterns.nextCandidate(in: bytes, from: start, isEnd: true) {
                    if patterns.match(in: bytes, at: place).length != nil { found.append(place) }
                    start = place + 1
                }
            }
            #expect(found == wanted, "\(strings) in \(text)")
        }
    }
}

/// Numbers that are the same in each run.
private struct Numbers {
    var state: UInt64

    init(state: UInt64) { self.state = state }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }

    mutating func letters(_ count: Int) -> [UInt8] {
        var letters: [UInt8] = []
        for _ in 0..<count { letters.append(UInt8(65 + below(2))) }
        return letters
    }
}
