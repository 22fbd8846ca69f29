import PackerKit
import Testing

/// What is read of a template, and that nothing is read that only looks like it.
@Suite struct TemplateTests {
    private func json(_ text: String) throws -> PackerTemplate {
        try PackerTemplate(.init(path: "guest.json", bytes: Array(text.utf8)))
    }

    private func hcl(_ text: String, name: String = "t.pkr.hcl") throws -> PackerTemplate {
        try PackerTemplate(.init(path: name, bytes: Array(text.utf8)))
    }

    // MARK: JSON

    @Test("Variables of a JSON template are found, and null is a required one")
    func jsonVariables() throws {
        let found = try json(
            #"{"variables":{"a":"1","b":null,"c":"{{env `X`}}"},"builders":[]}"#)
        #expect(found.language == .json)
        #expect(Set(found.variables.keys) == ["a", "b", "c"])
        #expect(found.variables.filter(\.value.isRequired).map(\.key) == ["b"])
        #expect(found.variables["b"]?.place.description == "guest.json:1:27")
        #expect(try json(#"{"builders":[]}"#).variables.isEmpty)
    }

    @Test(
        "A reference to a user variable is found in every form",
        arguments: [
            "{{user `x`}}", "{{ user `x` }}", "{{- user `x` -}}", #"{{user \"x\"}}"#,
            "a{{isotime}}b{{user `x`}}", "{{ upper (user `x`) }}", "{{user `x` | upper}}",
            "{{if eq (user `x`) `a`}}b{{end}}", "{{/* } */}}{{user `x`}}", "{{ `}}` }}{{user `x`}}",
        ])
    func references(text: String) throws {
        let found = try json(#"{"builders":[{"type":"null","a":["\#(text)"]}]}"#)
        #expect(found.references.map(\.name) == ["x"], "\(text)")
    }

    @Test(
        "What only looks like a reference is none",
        arguments: [
            "user `x`", "{ {user `x`}}", "{{ `{{user \\\"x\\\"}}` }}", "{{/* user `x` */}}",
            "{{.user}}", "{{username `x`}}", "{{build `x`}}", "{{env `x`}}", "{{user",
        ])
    func noReferences(text: String) throws {
        let found = try json(#"{"builders":[{"type":"null","a":["\#(text)"]}]}"#)
        #expect(found.references.isEmpty, "\(text)")
    }

    @Test("References are found wherever Packer evaluates them, not in comments")
    func referencePlaces() throws {
        let found = try json(
            #"""
            {"_comment": "{{user `no1`}}", "description": "{{user `no2`}}",
             "variables": {"a": "{{user `b`}}"},
             "builders": [{"type": "null"}, {"type": "file", "target": "{{user `c`}}"}],
             "provisioners": [{"type": "shell", "inline": ["{{user `d`}}"]}],
             "post-processors": [[{"type": "compress", "output": "{{user `e`}}"}]]}
            """#)
        #expect(found.references.map(\.name) == ["b", "c", "d", "e"])
        #expect(found.references.map(\.source) == [nil, 1, nil, nil])
        #expect(found.references[1].place.description == "guest.json:3:60")
    }

    @Test(
        "Text that is not JSON is refused with its place",
        arguments: [
            ("", "1:1"), ("[]", "1:1"), ("{", "1:2"), ("\0", "1:1"), (#"{"variables":[]}"#, "1:14"),
            ("{\"a\": 1,\n \"b\": 01}", "2:7"), ("{\"a\": \"b\nc\"}", "1:9"),
            ("{\"a\": 1} x", "1:10"),
            ("{\"a\": 1,}", "1:9"), (#"{"builders":{}}"#, "1:13"), ("{'a': 1}", "1:2"),
        ])
    func invalidJSON(text: String, place: String) throws {
        let error = #expect(throws: UnreadableTemplate.self) { try json(text) }
        #expect(error?.description.hasPrefix("guest.json:\(place):") == true, "\(text) \(error!)")
    }

    @Test("Deep nesting is refused, not a crash") func deepJSON() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: UnreadableTemplate.self) { try json(text) }
    }

    @Test("Escapes in JSON are decoded") func jsonEscapes() throws {
        let found = try json(#"{"variables":{"\u00e9\uD83D\uDE00\n\/":"","\ud800x":""}}"#)
        #expect(Set(found.variables.keys) == ["é😀\n/", "\u{FFFD}x"])
    }

    // MARK: HCL2

    @Test("Variables of an HCL template are found, and nothing that only looks like one")
    func hclVariables() throws {
        let found = try hcl(
            #"""
            # variable "no1" {
            // variable "no2" {
            /* variable "no3" { */
            variable "outdir" {
              type    = string
              default = "variable \"no4\" { ${lower("}")} {"
            }
            variable unquoted { }
            variables {
              first  = "1"
              second = { no5 = 1 }
            }
            locals {
              text = <<-EOT
                variable "no6" {
                EOT
              list = [ { no7 = 1 } ]
            }
            source "qemu" "x" {
              variable "no8" { }
              boot_command = ["<esc>", "no9 = 1"]
            }
            variable "last" { type = list(string) }
            """#)
        #expect(found.language == .hcl)
        #expect(
            Set(found.variables.keys) == ["outdir", "unquoted", "first", "second", "last"])
        #expect(found.variables["outdir"]?.type == "string")
        #expect(found.variables["last"]?.type == "list(string)")
        #expect(
            Set(found.variables.filter(\.value.isRequired).keys) == ["unquoted", "last"])
    }

    @Test("Random input does not crash the reader", arguments: 0..<100)
    func anyHCLIsSurvived(seed: UInt64) throws {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        let alphabet = Array("{}[]()\"\\$%<-=#/* \nvariable x.,:`".utf8)
        let text = (0..<400).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return alphabet[Int(state % UInt64(alphabet.count))]
        }
        _ = try? PackerTemplate(.init(path: "x.pkr.hcl", bytes: text))
        _ = try? PackerTemplate(.init(path: "x.json", bytes: text))
        _ = PackerTemplate.values(inVariableFile: .init(path: "x.pkrvars.hcl", bytes: text))
    }

    @Test(
        "HCL that no parser can read is refused with line and column",
        arguments: [
            ("build {\n  sources = [\n    \"a.b\"\n}\n", "4:1", "cannot close the `[` of line 2"),
            ("source \"qemu\" \"x\" {\n  a = 1\n", "1:19", "this `{` is never closed"),
            ("a = 1\n}\n", "2:1", "this `}` closes nothing"),
            ("a = \"x\nb = \"y\"\n", "1:5", "not closed on its line"),
            ("a = \"${f(\"x\")}\n", "1:5", "not closed"),
            ("a = \"${var.x\"\n", "1:5", "never closed"),
            ("a {\n  /* b\n}\n", "2:3", "this comment is never closed"),
            ("a = <<EOF\ntext\nEOX\n", "1:5", "no line holds only `EOF`"),
            ("a = 'x'\n", "1:5", "write `\"`"),
            ("a = f(1, [2)\n", "1:12", "this `)` cannot close the `[` of line 1"),
        ])
    func brokenHCL(text: String, place: String, words: String) {
        let error = #expect(throws: UnreadableTemplate.self) { try hcl(text) }
        let said = error?.description ?? ""
        #expect(said.contains(":\(place): the template is not valid HCL: "), "\(said)")
        #expect(said.contains(words), "\(said)")
    }

    @Test(
        "What only looks broken is left to Packer",
        arguments: [
            "a = \"it's } ] ) { fine\"\n", "# it's a comment {\na = 1\n", "// don't [\n/* ( ' */\n",
            "a = \"${replace(var.x, \"}\", \"{\")} and $${ and %%{\"\n",
            "a = <<-EOF\n  it's { [ ( \" here\n  EOF\nb = [\n  1,\n]\n", "a = \"\\\"\"\n",
            "a = \"%{ if x }y%{ endif }\"\r\nb = (\r\n 1)\r\n",
            "a = \"${join(\n  \",\",\n  [\"x\"])}\"\n", "",
        ])
    func soundHCL(text: String) throws { _ = try hcl(text) }

    @Test("Deeply nested blocks and lists do not overflow the stack")
    func deepHCL() throws {
        let blocks = String(repeating: "a {\n", count: 50_000)
        let ends = String(repeating: "}\n", count: 50_000)
        #expect(try hcl(blocks + "variable \"x\" {}\n" + ends).variables.isEmpty)
        let list =
            "build { sources = " + String(repeating: "[", count: 50_000)
            + String(repeating: "]", count: 50_000) + "}"
        #expect(try hcl(list).sources == nil)
    }

    @Test("Variables of an HCL template in JSON are found") func hclJSON() throws {
        let found = try hcl(
            #"""
            {"variable": [{"a": {"default": "1"}}, {"b": {"type": "number"}}],
             "variables": {"c": "2"}, "locals": {"d": "3"},
             "packer": {"required_version": ">= 1.8",
                        "required_plugins": {"q": {"source": "example.org/a/q", "version": "1.0"}}}}
            """#,
            name: "x.pkr.json")
        #expect(found.language == .hcl)
        #expect(Set(found.variables.keys) == ["a", "b", "c"])
        #expect(found.variables["b"]?.isRequired == true)
        #expect(found.variables["b"]?.type == "number")
        #expect(found.variables["c"]?.fallback == .text("2"))
        #expect(found.needs.versions.map(\.constraint) == [">= 1.8", ">= 1.7.0"])
        #expect(found.needs.plugins.map(\.source) == ["example.org/a/q"])
        #expect(found.sources == [])
    }

    @Test("The files of a folder are read together, with the variables that they preset")
    func folder() throws {
        let files = [
            ("p/sources.pkr.hcl", #"source "file" "disk" { target = var.outdir }"#),
            ("p/variables.pkr.hcl", #"variable "outdir" { type = string }"#),
            ("p/build.pkr.hcl", #"build { sources = ["source.file.disk"] }"#),
            ("p/build.auto.pkrvars.hcl", "size = 1\nmirrors = [\"a\"]\n"),
            ("p/more.auto.pkrvars.json", #"{"accelerator": "tcg"}"#),
            ("p/other.pkrvars.hcl", "no = 1"), ("p/other.hcl", #"variable "no" {}"#),
        ]
        let found = try PackerTemplate(
            folder: files.map { .init(path: $0.0, bytes: Array($0.1.utf8)) })
        #expect(found.sources?.map(\.name) == ["file.disk"])
        #expect(Set(found.variables.keys) == ["outdir"])
        #expect(
            found.presets == [
                "size": .word("1"), "mirrors": .list([.text("a")]), "accelerator": .text("tcg"),
            ])
        #expect(found.missingSources.isEmpty)
    }

    @Test("A build that names a source of another file is noticed")
    func missingSource() throws {
        let found = try hcl("build {\n  sources = [\"source.file.disk\"]\n}")
        #expect(found.missingSources.map(\.name) == ["source.file.disk"])
        #expect(found.missingSources.first?.place.description == "t.pkr.hcl:2:3")
    }

    // MARK: Requirements

    @Test("Required versions and plugins are found") func needs() throws {
        let found = try hcl(
            """
            packer {
              required_version = ">= 1.6.0"
              required_plugins {
                qemu = {
                  version = ">= 1.0.0"
                  source  = "github.com/hashicorp/qemu"
                }
                other = { source : "example.org/a/b", version : "~> 2.1" }
              }
            }
            data "http" "x" {}
            """)
        #expect(
            found.needs.versions.map { "\($0.constraint) \($0.reason) \($0.place)" } == [
                ">= 1.6.0 required_version t.pkr.hcl:2:3",
                ">= 1.7.0 required_plugins t.pkr.hcl:3:3", ">= 1.7.0 a data block t.pkr.hcl:11:1",
            ])
        #expect(
            found.needs.plugins.map { "\($0.source) \($0.constraint ?? "-") \($0.place)" } == [
                "github.com/hashicorp/qemu >= 1.0.0 t.pkr.hcl:4:5",
                "example.org/a/b ~> 2.1 t.pkr.hcl:8:5",
            ])
        let old = try json(#"{"min_packer_version": "1.9.2", "builders": []}"#)
        #expect(old.needs.versions.map(\.constraint) == [">= 1.9.2"])
    }

    @Test("What a host lacks is said with both versions") func shortage() throws {
        let needs = try hcl(
            """
            packer {
              required_plugins {
                qemu = { version = ">= 1.0.0", source = "github.com/hashicorp/qemu" }
              }
            }
            """
        ).needs
        let plugin = "github.com/hashicorp/qemu"
        #expect(
            needs.shortage(version: "1.6.6", plugins: nil)
                == "Packer 1.6.6; the template needs >= 1.7.0 (required_plugins, t.pkr.hcl:2:3)")
        #expect(needs.shortage(version: nil, plugins: nil) == "no Packer")
        #expect(needs.shortage(version: "1.9.4", plugins: nil) == nil)
        #expect(needs.shortage(version: "1.9.4", plugins: [plugin: ["1.0.9"]]) == nil)
        #expect(
            needs.shortage(version: "1.9.4", plugins: [plugin: ["0.9.1"]])
                == "Packer 1.9.4 and the plugin \(plugin) 0.9.1; the template needs >= 1.0.0 "
                + "(t.pkr.hcl:3:5)")
        #expect(
            needs.shortage(version: "1.9.4", plugins: [:])
                == "Packer 1.9.4 and no plugin \(plugin); the template needs >= 1.0.0 "
                + "(t.pkr.hcl:3:5)")
    }

    @Test(
        "Versions are compared as Packer compares them",
        arguments: [
            (">= 1.7.0", "1.6.6", false), (">= 1.7.0", "1.7", true), (">=1.7,<2", "1.15.3", true),
            (">= 1.7, < 2", "2.0.0", false), ("~> 1.2", "1.9", true), ("~> 1.2", "2.0", false),
            ("~> 1.2.3", "1.2.9", true), ("~> 1.2.3", "1.3.0", false), ("1.6.6", "v1.6.6", true),
            ("= 1.10", "1.9.0", false), ("!= 1.8.0", "1.8.0", false), ("> 1.9", "1.10.0-dev", true),
            ("~> 1", "1.9", true), ("<= 1.8", "1.8.0", true),
        ])
    func versions(constraint: String, version: String, allows: Bool) throws {
        let parsed = try #require(VersionConstraint(constraint))
        #expect(parsed.allows(try #require(PackerVersion(version))) == allows)
    }

    @Test("A constraint that is not understood is left to Packer", arguments: ["", "latest", ">"])
    func unknownConstraints(text: String) {
        #expect(VersionConstraint(text) == nil)
    }

    @Test("Provisioners are known in their order, unless it depends on the source")
    func provisioners() throws {
        func read(_ name: String, _ text: String) throws -> [ProvisionerBlock]? {
            try PackerTemplate(PackerTemplate.File(path: name, bytes: Array(text.utf8)))
                .provisioners
        }
        let json = """
            {"builders":[{"type":"qemu"}],"provisioners":[{"type":"shell","scripts":["a","b"]},
            {"type":"file","source":"x"},{"type":"shell","inline":["true"]}]}
            """
        let known = [
            ProvisionerBlock(type: "shell", files: 2), ProvisionerBlock(type: "file", files: 1),
            ProvisionerBlock(type: "shell", files: 1),
        ]
        #expect(try read("a.json", json) == known)
        #expect(
            try read("a.json", json.replacing(#""source""#, with: #""only":["qemu"],"source""#))
                == nil)
        let hcl = """
            source "qemu" "a" {}
            build {
              sources = ["source.qemu.a"]
              provisioner "shell" { scripts = ["a", "b"] }
              provisioner "file" { source = "x" }
              provisioner "shell" { inline = ["true"] }
            }
            """
        #expect(try read("a.pkr.hcl", hcl) == known)
        let computed = hcl.replacing(#"["a", "b"]"#, with: "var.scripts")
        #expect(try read("a.pkr.hcl", computed)?.map(\.files) == [nil, 1, 1])
        #expect(try read("a.pkr.hcl", hcl + "\nbuild {}\n") == nil)
    }
}
