import Testing
import TextKit
import YAMLKit

/// Keys that are declared once, for the parser and the schema.
struct KeyTests {
    private enum Colour: String, CaseIterable { case red, green }

    private static let size = YAMLKey("size", .sizeBytes, "How large.")
    private static let colour = YAMLKey("colour", YAMLType<Colour>.word, "Which.")
    private static let names = YAMLKey("names", .list(of: .string), "Who.")
    private static let inner = YAMLKeys(size, colour, required: ["size"])
    private static let part = YAMLKey("part", .mapping(of: inner), "A part.")
    private static let all = YAMLKeys(names, part)

    private func mapping(_ text: String) throws -> YAMLMapping {
        try YAMLMapping(YAMLDocument.parse(Array(text.utf8), file: "f"), file: "f")
    }

    @Test("A mapping of keys refuses others, and is described by them")
    func keys() throws {
        let part = try mapping("part: {size: 2GiB, colour: green}").take(Self.part)
        #expect(try part.take(Self.size) == 2 << 30)
        #expect(try part.take(Self.colour) == .green)
        let error = #expect(throws: YAMLError.self) {
            _ = try mapping("part: {size: 2GiB, color: green}").take(Self.part)
        }
        #expect(error?.description.hasPrefix("f:1:20: key 'part.color': is not known; ") == true)
        let schema = Self.all.schema["properties"]?["part"]
        #expect(schema?["required"] == ["size"])
        #expect(schema?["additionalProperties"] == false)
        #expect(schema?["description"] == "A part.")
        #expect(schema?["properties"]?["colour"]?["enum"] == ["red", "green"])
    }

    @Test("Defaults complete a mapping, and some of its mappings are united")
    func defaults() throws {
        let root = try mapping(
            """
            names: [a, b]
            part: {size: 1GiB, colour: red}
            own: {part: {size: 2GiB}, names: [c]}
            none:
            """)
        let own = try root.take("own", .mapping)
            .completed(by: root, uniting: ["part"], without: ["own"])
        let part = try own.take(Self.part)
        #expect(try part.take(Self.size) == 2 << 30)
        #expect(try part.take(Self.colour) == .red)
        #expect(try own.take(Self.names) == ["c"])
        #expect(own.keys == ["names", "none", "part"])
        let replaced = try root.take("own", .mapping)
            .completed(by: root, uniting: [], without: ["own"]).take(Self.part)
        #expect(replaced.keys == ["size"])
    }
}
