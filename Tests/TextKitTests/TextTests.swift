import Testing

@testable import TextKit

@Suite struct TextTests {
    @Test("Percent encoding leaves only unreserved bytes, and is undone by decoding")
    func percentCoding() {
        let text = "a/b?c=d&e %\u{0}ü+~"
        let encoded = PercentCoding.encode(text)
        #expect(encoded == "a%2Fb%3Fc%3Dd%26e%20%25%00%C3%BC%2B~")
        #expect(PercentCoding.decode(encoded) == text)
        #expect(PercentCoding.decode("a+b%2b", plusIsSpace: true) == "a b+")
        #expect(PercentCoding.decode("a+b") == "a+b")
    }

    @Test(
        "What is not percent-encoded UTF-8 is not decoded",
        arguments: ["%", "%4", "%4g", "%+1", "%ff", "a%C3"])
    func badPercentCoding(text: String) { #expect(PercentCoding.decode(text) == nil) }

    @Test("Durations are read and written in one unit")
    func durations() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("36h", 129_600), ("2d", 172_800)] {
            #expect(DurationText.seconds(text) == seconds)
            #expect(DurationText.text(seconds) == text)
        }
        #expect(DurationText.seconds("36525d") == 36_525 * 86_400)
        for bad in ["", "m", "30", "-1m", "+1m", "1.5h", "1w", "36526d", "99999999999999999999s"] {
            #expect(DurationText.seconds(bad) == nil, "\(bad)")
        }
        #expect(DurationText.text(0) == "0s")
    }

    @Test("Hexadecimal digits of either case are decoded, and written in lower case")
    func hex() {
        #expect(Hex.encode([0x00, 0xAF, 0xFF]) == "00afff")
        #expect(Hex.decode("00aFFf") == [0x00, 0xAF, 0xFF])
        #expect(Hex.decode("") == [])
        for bad in ["0", "0g", "+1", " 1", "٣٣"] { #expect(Hex.decode(bad) == nil, "\(bad)") }
        #expect(Hex.isLowerCase("09af", count: 4))
        for bad in ["09af0", "09a", "09aF", "09a:", "09a/", "09a`", "09ag"] {
            #expect(!Hex.isLowerCase(bad, count: 4), "\(bad)")
        }
    }

    @Test("Numbers are padded with zeros after the sign, texts with spaces")
    func padding() {
        #expect(7.zeroPadded(2) == "07" && 123.zeroPadded(2) == "123" && 0.zeroPadded(1) == "0")
        #expect((-7).zeroPadded(3) == "-007" && Int64.min.zeroPadded(0).hasPrefix("-922"))
        #expect(UInt64.max.zeroPadded(16, radix: 16) == "ffffffffffffffff")
        #expect(8.zeroPadded(4, radix: 8) == "0010")
        #expect("ab".padded(4) == "ab  " && "abc".padded(2) == "abc")
    }

    @Test(
        "Sizes have the largest unit that fits, and a decimal only if it is not zero",
        arguments: [
            (0, "0 B"), (-1, "0 B"), (.min, "0 B"), (1023, "1023 B"), (1024, "1 KiB"),
            (1536, "1.5 KiB"), (1_288_490_189, "1.2 GiB"), (500 << 20, "500 MiB"),
            (500 << 20 + 300 << 10, "500 MiB"), (3 << 40, "3 TiB"), (.max, "8192 PiB"),
        ] as [(Int64, String)])
    func byteSizes(bytes: Int64, text: String) { #expect(ByteSize.text(bytes) == text) }

    @Test("What a terminal could obey is made visible")
    func visibleText() {
        #expect(
            "a\u{1B}[31m\nb\0\u{202E}\u{2028}".visible
                == "a\\u{1b}[31m\\u{a}b\\u{0}\\u{202e}\\u{2028}")
        #expect("Straße 微软 🐧 'x' \\".visible == "Straße 微软 🐧 'x' \\")
    }

    @Test("JSON has sorted keys and plain slashes, and a final newline only for people")
    func canonicalJSON() throws {
        let value = ["b": "x/y", "a": "ü"]
        #expect(try CanonicalJSON.text(value) == #"{"a":"ü","b":"x/y"}"#)
        #expect(try CanonicalJSON.encode(value) == Array(#"{"a":"ü","b":"x/y"}"#.utf8))
        let pretty = String(
            decoding: try CanonicalJSON.encode(value, isPretty: true), as: UTF8.self)
        #expect(pretty == "{\n  \"a\" : \"ü\",\n  \"b\" : \"x/y\"\n}\n")
        #expect(throws: EncodingError.self) { try CanonicalJSON.encode([Double.infinity]) }
    }
}

@Suite struct SuggestionTests {
    @Test(
        "The distance counts insertions, deletions, replacements and swaps",
        arguments: [
            ("", "", 0), ("a", "", 1), ("abc", "acb", 1), ("kitten", "sitting", 3), ("ab", "ba", 1),
        ])
    func distance(left: String, right: String, errors: Int) {
        #expect(Suggestion.distance(left, right) == errors)
        #expect(Suggestion.distance(right, left) == errors)
    }

    @Test("The nearest word is suggested, a longer one for its prefix, and none for nonsense")
    func nearest() {
        #expect(Suggestion.nearest(to: "biuld", in: ["cancel", "build"]) == "build")
        #expect(Suggestion.nearest(to: "Port", in: ["port"]) == "port")
        #expect(Suggestion.nearest(to: "canc", in: ["cancel", "build"]) == "cancel")
        #expect(Suggestion.nearest(to: "c", in: ["cancel", "d"]) == nil)
        #expect(Suggestion.nearest(to: "colour", in: ["database", "port"]) == nil)
        #expect(Suggestion.nearest(to: "", in: ["a"]) == nil)
        #expect(Suggestion.nearest(to: String(repeating: "x", count: 9999), in: ["x"]) == nil)
        #expect(Suggestion.nearest(to: "x", in: []) == nil)
    }

    @Test("A hint ends a message, with the prefix of what was typed")
    func hint() {
        #expect(
            Suggestion.hint(for: "jsno", in: ["json"], prefix: "--") == "; did you mean '--json'?")
        #expect(Suggestion.hint(for: "zzz", in: ["json"]) == nil)
    }

    @Test("Lines end with a newline, with or without a carriage return before it")
    func linesAreSplitAtBytes() {
        #expect("a\r\nb\n\n\r\nc".lines == ["a", "b", "c"])
        #expect("a\rb".lines == ["a\rb"])
        #expect("".lines.isEmpty)
    }
}
