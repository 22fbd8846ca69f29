import CoordinatorCore
import Testing

/// The texts under `output/` of a template.
struct OutputTests {
    @Test("Values replace their placeholders")
    func placeholders() throws {
        let template = try OutputTemplate(
            "{# a stack #}image: {{ result_img_id }}\nflavor: { get_param: f }\n"
                + "n: {{build.number}}{{ '{{' }}\n", file: "output/s.j2")
        #expect(template.names == ["result_img_id", "build.number"])
        let text = try template.render(["result_img_id": "42", "build.number": "7"])
        #expect(text == "image: 42\nflavor: { get_param: f }\nn: 7{{\n")
    }

    @Test(
        "An unknown name is refused with its position",
        arguments: [
            ("a\n  {{ nothing }}", "output/s.j2:2:3", "unknown name 'nothing'; known names: a"),
            ("{{ a | upper }}", "output/s.j2:1:1", "filters"),
            ("x {% if a %}", "output/s.j2:1:3", "statements"),
            ("{{ a ", "output/s.j2:1:1", "is not closed with"),
            ("é{# a", "output/s.j2:1:2", "is not closed with"),
            ("{{}}", "output/s.j2:1:1", "is not a name"),
        ])
    func unknownNames(_ text: String, _ place: String, _ why: String) {
        let fault = #expect(throws: TemplateFault.self) {
            _ = try OutputTemplate(text, file: "output/s.j2").render(["a": "1"])
        }
        #expect(fault?.description.hasPrefix(place + ": ") == true)
        #expect(fault?.description.contains(why) == true)
    }
}
