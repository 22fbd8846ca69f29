import PackerKit
import Testing

/// Which sources Packer builds, and their accelerators.
@Suite struct SourceTests {
    private func read(_ name: String, _ text: String) throws -> PackerTemplate {
        try PackerTemplate(.init(path: name, bytes: Array(text.utf8)))
    }

    private let named = """
        source "null" "dependencies" { communicator = "none" }
        source "qemu" "disk" {
          accelerator = var.accelerator
        }
        build {
          name    = "image.deps"
          sources = ["source.null.dependencies"]
        }
        build {
          name = "image.disk"
          source "source.qemu.disk" { accelerator = "kvm" }
          source "qemu.disk" { name = "second" }
        }
        build { sources = ["qemu.disk"] }
        """

    @Test(
        "Patterns of HCL2 select sources by their full names",
        arguments: [
            ([], 4), (["image.deps.*"], 1), (["image.*"], 3), (["*"], 4), (["image.deps"], 0),
            (["image.disk.qemu.disk"], 1), (["image.disk.qemu.second"], 1), (["qemu.disk"], 1),
            (["*.disk"], 2), (["image.d?ps.null.*"], 1), (["null.dependencies"], 0),
        ] as [([String], Int)])
    func hclSelection(only: [String], count: Int) throws {
        let template = try read("t.pkr.hcl", named)
        #expect(template.selected(only: only, except: [])?.count == count)
        if !only.isEmpty {
            #expect(template.selected(only: [], except: only)?.count == 4 - count)
        }
    }

    @Test("JSON templates select builders by name, not by pattern") func jsonSelection() throws {
        let template = try read(
            "t.json",
            #"{"builders":[{"type":"virtualbox-iso"},{"type":"file","name":"qemu"}]}"#)
        #expect(template.selected(only: ["qemu"], except: [])?.map(\.type) == ["file"])
        #expect(template.selected(only: ["qem*"], except: []) == [])
        #expect(template.selected(only: [], except: ["qemu"])?.map(\.isOtherHypervisor) == [true])
    }

    @Test(
        "A computed name or list leaves the selection to Packer",
        arguments: [
            ("t.json", #"{"builders":[{"type":"file","name":"{{user `n`}}"}]}"#),
            ("t.pkr.hcl", "build { sources = local.sources }"),
            (
                "t.pkr.hcl",
                "source \"null\" \"a\" {}\nbuild {\n name = var.x\n sources = [\"null.a\"]\n}"
            ),
            ("t.pkr.json", #"{"build":{"sources":"${local.sources}"}}"#),
        ])
    func computedNames(name: String, text: String) throws {
        #expect(try read(name, text).selected(only: ["a"], except: []) == nil)
    }

    @Test("Sources of a computed list take an accelerator as well") func computedList() throws {
        let text = """
            source "qemu" "vm" { accelerator = "kvm" }
            source "qemu" "other" {}
            build { sources = var.sources_enabled }
            """
        let template = try read("t.pkr.hcl", text)
        #expect(template.sources == nil)
        let changed = TemplateEdit.apply(
            template.overriding("tcg", in: template.definedSources), to: Array(text.utf8))
        let again = try read("t.pkr.hcl", String(decoding: changed, as: UTF8.self))
        #expect(
            again.accelerators(of: again.definedSources, values: [:]).map(\.value)
                == ["tcg", "tcg"])
    }

    // MARK: Accelerators

    private func accelerators(
        _ name: String, _ text: String, _ values: [String: String] = [:]
    ) throws -> [String?] {
        let template = try read(name, text)
        let sources = try #require(template.sources)
        return template.accelerators(of: sources, values: values).map(\.value)
    }

    @Test(
        "The accelerator of a JSON template is followed through variables",
        arguments: [
            (#""kvm""#, "kvm"), (#""tcg""#, "tcg"), (#""{{user `accelerator`}}""#, "host"),
            (#""{{user `mine`}}""#, "kvm"), (#""{{user `other`}}""#, "host"),
            (#""{{user `undeclared`}}""#, nil), (#""""#, nil),
        ] as [(String, String?)])
    func jsonAccelerators(value: String, expected: String?) throws {
        let text = #"""
            {"variables": {"mine": "kvm", "other": "{{user `accelerator`}}"},
             "builders": [{"type": "qemu", "accelerator": \#(value)}, {"type": "file"}]}
            """#
        #expect(try accelerators("t.json", text, ["accelerator": "host"]) == [expected])
    }

    @Test("An HCL2 template's accelerators include those of its builds, and defaults")
    func hclAccelerators() throws {
        #expect(
            try accelerators("t.pkr.hcl", named, ["accelerator": "host"])
                == ["kvm", "host", "host"])
        let text = """
            variable "a" { default = "kvm" }
            source "qemu" "x" { accelerator = "${var.a}" }
            source "qemu" "y" {}
            source "qemu" "z" { accelerator = local.a }
            build { sources = ["qemu.x", "qemu.y", "qemu.z"] }
            """
        #expect(try accelerators("t.pkr.hcl", text) == ["kvm", nil])
    }

    @Test("An override replaces what is written, inserts what is not, and nothing else changes")
    func overrides() throws {
        let json = #"""
            {"builders": [
              {"type": "qemu", "accelerator": "kvm", "headless": true},
              {"type": "qemu", "name": "b"},
              {"type": "file", "accelerator": "kvm"}]}
            """#
        let template = try read("t.json", json)
        let edits = template.overriding("tcg", in: try #require(template.sources))
        #expect(
            String(decoding: TemplateEdit.apply(edits, to: Array(json.utf8)), as: UTF8.self)
                == #"""
                {"builders": [
                  {"type": "qemu", "accelerator": "tcg", "headless": true},
                  {"accelerator": "tcg", "type": "qemu", "name": "b"},
                  {"type": "file", "accelerator": "kvm"}]}
                """#)
        let hcl = try read("t.pkr.hcl", named)
        let changed = TemplateEdit.apply(
            hcl.overriding("tcg", in: try #require(hcl.sources)), to: Array(named.utf8))
        let again = try PackerTemplate(.init(path: "t.pkr.hcl", bytes: changed))
        #expect(
            again.accelerators(of: try #require(again.sources), values: [:]).map(\.value)
                == ["tcg", "tcg", "tcg"])
        #expect(again.sources?.count == 4)
    }

    @Test("Images with an address and a SHA-256 are found, others are left to Packer")
    func isos() throws {
        let digest = String(repeating: "ab", count: 32)
        let text = """
            variable "url" { default = "https://example.org/a.iso" }
            source "qemu" "a" {
              iso_url      = var.url
              iso_checksum = "sha256:\(digest)"
            }
            source "qemu" "b" {
              iso_urls     = ["b.iso", "http://example.org/b.iso"]
              iso_checksum = "\(digest)"
            }
            source "qemu" "c" {
              iso_urls     = ["http://one.example.org/c.iso", "http://two.example.org/c.iso"]
              iso_checksum = "\(digest.uppercased())"
            }
            source "qemu" "d" {
              iso_url      = "https://example.org/d.iso"
              iso_checksum = "file:https://example.org/SHA256SUMS"
            }
            build { sources = ["qemu.a", "qemu.b", "qemu.c", "qemu.d"] }
            """
        let template = try read("t.pkr.hcl", text)
        let sources = try #require(template.sources)
        let isos = template.isos(of: sources, values: [:])
        #expect(
            isos.map(\.urls) == [
                ["https://example.org/a.iso"],
                ["http://one.example.org/c.iso", "http://two.example.org/c.iso"],
            ])
        #expect(isos.allSatisfy { $0.sha256 == digest })
        let changed = TemplateEdit.apply(
            isos.reduce(into: Set<TemplateEdit>()) {
                $0.formUnion(template.replacing($1, with: "/base/x.iso"))
            },
            to: Array(text.utf8))
        let again = try PackerTemplate(.init(path: "t.pkr.hcl", bytes: changed))
        let settings = try #require(again.sources).map { $0.settings }
        #expect(settings[0]["iso_url"]?.value == .text("/base/x.iso"))
        #expect(settings[2]["iso_urls"]?.value == .list([.text("/base/x.iso")]))
        #expect(settings[3]["iso_url"]?.value == .text("https://example.org/d.iso"))
        for (checksum, type, isFound) in [
            (digest, "sha256", true), (digest, "SHA256", true), (digest, "md5", false),
            ("none", "none", false), (String(repeating: "0", count: 32), "md5", false),
        ] {
            let json = try read(
                "t.json",
                #"{"builders":[{"type":"qemu","iso_url":"https://example.org/a","#
                    + #""iso_checksum":"\#(checksum)","iso_checksum_type":"\#(type)"}]}"#)
            #expect(
                json.isos(of: try #require(json.sources), values: [:]).count == (isFound ? 1 : 0))
        }
    }

    private let hclJSON = #"""
        {"source": {"qemu": [{"disk": {"accelerator": "${var.accelerator}"}},
                             {"//": "a comment", "plain": {}}],
                    "null": {"deps": {"communicator": "none"}}},
         "build": [
           {"name": "image.deps", "sources": ["source.null.deps"]},
           {"name": "image.disk",
            "source": {"source.qemu.disk": {"accelerator": "kvm"}, "qemu.plain": {"name": "p"}},
            "provisioner": {"shell": {"inline": ["true"]}}}]}
        """#

    @Test("HCL2 as JSON has the same sources, and takes an accelerator as well")
    func sourcesOfHCLInJSON() throws {
        let template = try read("t.pkr.json", hclJSON)
        #expect(template.missingSources.isEmpty)
        let sources = try #require(template.sources)
        #expect(
            sources.map(\.name) == [
                "image.deps.null.deps", "image.disk.qemu.disk", "image.disk.qemu.p",
            ])
        let all = template.accelerators(of: sources, values: [:])
        #expect(all.map(\.value) == ["kvm", nil])
        #expect(all.map(\.place.description) == ["t.pkr.json:7:52", "t.pkr.json:2:51"])
        #expect(template.hardCodedAccelerator(at: all[0].place).contains("${var.accelerator}"))
        let changed = TemplateEdit.apply(
            template.overriding("tcg", in: sources), to: Array(hclJSON.utf8))
        let again = try PackerTemplate(.init(path: "t.pkr.json", bytes: changed))
        #expect(
            again.accelerators(of: try #require(again.sources), values: [:]).map(\.value)
                == ["tcg", "tcg"])
        let missing = try read("t.pkr.json", #"{"build": {"sources": ["file.x"]}}"#)
        #expect(missing.missingSources.map(\.name) == ["source.file.x"])
    }

    @Test("An accelerator is inserted into a block on one line") func oneLineBlocks() throws {
        let text = "source \"qemu\" \"a\" { headless = true }\nbuild { sources = [\"qemu.a\"] }"
        let template = try read("t.pkr.hcl", text)
        let changed = TemplateEdit.apply(
            template.overriding("tcg", in: try #require(template.sources)), to: Array(text.utf8))
        let again = try PackerTemplate(.init(path: "t.pkr.hcl", bytes: changed))
        #expect(
            again.accelerators(of: try #require(again.sources), values: [:]).map(\.value)
                == ["tcg"])
    }
}
