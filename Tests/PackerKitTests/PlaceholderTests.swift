import PackerKit
import Testing

/// `$NAME`, `$IMAGE` and `$METADATA` in JSON templates.
@Suite struct PlaceholderTests {
    private func filled(
        _ text: String, _ values: [String: String]
    ) throws(UnreadableTemplate) -> String {
        let bytes = Array(text.utf8)
        let texts = try PackerPlaceholders.texts(for: PackerPlaceholders.found(in: bytes)) {
            values[$0.rawValue]
        }
        return String(decoding: PackerPlaceholders.fill(bytes, texts), as: UTF8.self)
    }

    @Test("They are replaced wherever they stand, once, and nothing else is")
    func replaced() throws {
        let text = """
            {"image_name": "$NAME AQ", "source_image": "$IMAGE", "m": { $METADATA },
             "inline": ["echo $NAMES $HOME $ $$NAME ${NAME} $name"]}$
            """
        let values = [
            "NAME": "image-a.example", "IMAGE": "0b10e583-9e13",
            "METADATA": #"{"AQ_OS": "s\"l\\", "AQ_PERSONALITY": "a/b ü"}"#,
        ]
        #expect(
            try filled(text, values) == """
                {"image_name": "image-a.example AQ", "source_image": "0b10e583-9e13", \
                "m": { "AQ_OS": "s\\"l\\\\", "AQ_PERSONALITY": "a/b ü" },
                 "inline": ["echo image-a.exampleS $HOME $ $image-a.example ${NAME} $name"]}$
                """)
    }

    @Test("One without a value is named, and those that the template lacks need none")
    func missing() throws {
        #expect(try filled("$NAME", ["NAME": "a"]) == "a")
        let fault = #expect(throws: UnreadableTemplate.self) {
            try filled("$NAME $IMAGE", ["NAME": "a"])
        }
        #expect(
            fault?.description
                == "the template has $IMAGE, which nothing sets: set the variable IMAGE")
    }

    @Test(
        "A name or image that a shell, JSON or Packer would read otherwise is refused",
        arguments: [
            "", "-rf", "a\"b", "a\\b", "a;reboot", "a`b`", "$(id)", "$IMAGE", "a\nb", "a'b",
            "{{env `PATH`}}", "a|b", "a&b", "ü", "a\u{0}", String(repeating: "a", count: 256),
        ])
    func refused(value: String) {
        #expect(throws: UnreadableTemplate.self) { try filled("$NAME", ["NAME": value]) }
        #expect(throws: UnreadableTemplate.self) { try filled("$IMAGE", ["IMAGE": value]) }
    }

    @Test(
        "Metadata that is no object of plain texts is refused",
        arguments: [
            "", "{}", "[]", "\"a\": \"b\"", #"{"a": 1}"#, #"{"a": {}}"#, #"{"a": "{{user `p`}}"}"#,
            #"{"a": "$NAME"}"#, #"{"a": "\n"}"#, #"{"a": "b"} }"#, #"{"a{{b": "c"}"#,
            "{\"a\": \"" + String(repeating: "x", count: 17_000) + "\"}",
        ])
    func metadataRefused(value: String) {
        #expect(throws: UnreadableTemplate.self) {
            try filled("$METADATA", ["METADATA": value])
        }
    }
}
