import AgentCore
import BuildProtocol
import Glibc
import Support
import TestSupport
import Testing
import TextKit

/// Folders, files of variables, typed values, selected sources and accelerators, by real Packer.
@Suite struct PackerOptionsTests {
    private func build(
        _ agent: TestAgent, _ client: TestClient, _ files: [String: String], _ path: String,
        variables: [String: String] = [:], values: [String: JSON]? = nil,
        _ options: PackerOptions? = nil
    ) async throws -> TestClient.Followed {
        var tar = TarFile()
        for (name, text) in files.sorted(by: { $0.key < $1.key }) { tar.add(name, text) }
        var start = agent.start(
            try await agent.deliver(tar.archive), .packer(template: path), variables: variables)
        start.recipe.values = values
        start.recipe.packer = options
        return try await client.build(start)
    }

    private func digest(_ text: String) -> String { SHA256.hex(text.utf8) }

    @Test("A template that declares no variable gets those that it refers to")
    func undeclaredVariables() async throws {
        let template = #"""
            {"builders": [{"type": "file", "content": "{{ user `word` }} {{ user `vmname` }}",
                           "target": "{{ user `outdir` }}/x.raw"}]}
            """#
        try await withAgent { agent, client in
            let built = try await build(
                agent, client, ["t.json": template], "t.json", variables: ["word": "x"])
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.finished.artifacts.map(\.name) == ["x.raw"])
            #expect(
                built.finished.artifacts.first?.sha256 == digest("x gx86_64_20261121_1.qcow2"))
        }
    }

    @Test("Placeholders in the text of a JSON template are replaced before Packer reads it")
    func placeholders() async throws {
        let template = #"""
            {"variables": { $METADATA },
             "builders": [{"type": "file", "content": "$NAME {{user `AQ_OS`}} $IMAGE",
                           "target": "{{ user `outdir` }}/x.raw"}]}
            """#
        let values = ["NAME": "a b", "IMAGE": "c", "METADATA": #"{"AQ_OS": "\"sl\""}"#]
        try await withAgent { agent, client in
            let built = try await build(
                agent, client, ["t.json": template], "t.json", variables: values,
                PackerOptions(placeholders: true))
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.finished.artifacts.first?.sha256 == digest(#"a b "sl" c"#))
            let bad = try await build(
                agent, client, ["t.json": template], "t.json",
                variables: values.merging(["NAME": "a\"b"]) { $1 },
                PackerOptions(placeholders: true))
            #expect(
                bad.fault?.reason.hasPrefix("the variable NAME cannot take the place of $NAME")
                    == true)
        }
    }

    @Test("A file that Packer announces outside of the output folder is what the build left")
    func announcedFile() async throws {
        let name = "gx86_64_20261121_1.qcow2"
        let file = #""builders": [{"type": "file", "content": "x", "target": "{{user `vmname`}}"}]"#
        let disk = #"["qemu-img create -q -f qcow2 {{user `vmname`}} 1M"]"#
        let post = #""post-processors": [{"type": "shell-local", "inline": \#(disk)}]"#
        try await withAgent { agent, client in
            let built = try await build(
                agent, client, ["t.json": "{\(file), \(post)}"], "t.json")
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.finished.artifacts.map(\.name) == [name])
            #expect(built.finished.artifacts.map(\.format) == [.qcow2])
            let text = try await build(agent, client, ["t.json": "{\(file)}"], "t.json")
            #expect(
                text.fault?.reason.hasPrefix("the build left no disk image, only '\(name)'")
                    == true, "\(text.log)")
        }
    }

    private let folder = [
        "packer/sources.pkr.hcl": """
        locals { text = "${join(",", var.mirrors)} ${var.size + 1} ${var.flag} ${var.map.a}" }
        source "file" "disk" {
          content = local.text
          target  = "${var.outdir}/x.raw"
        }
        """,
        "packer/variables.pkr.hcl": """
        variable "outdir" { type = string }
        variable "size" {
          type = number
          validation {
            condition     = var.size > 0
            error_message = "The size must be positive."
          }
        }
        variable "mirrors" { type = list(string) }
        variable "flag" {
          type = bool
          default = false
        }
        variable "map" {
          type = map(string)
          default = { a = "default" }
        }
        """,
        "packer/build.pkr.hcl": #"build { sources = ["source.file.disk"] }"#,
        "packer/build.auto.pkrvars.hcl": "size    = 1\nmirrors = [\"a\", \"b\"]\n",
        "vars/big.pkrvars.hcl": "size = 8\nflag = true\n",
    ]

    @Test("A folder of HCL2 is built, with preset, file and typed variables in this order")
    func folderOfHCL() async throws {
        let cases: [([String: String], [String: JSON]?, PackerOptions?, String)] = [
            ([:], nil, nil, "a,b 2 false default"),
            ([:], nil, PackerOptions(varFiles: ["vars/big.pkrvars.hcl"]), "a,b 9 true default"),
            (
                ["size": "3"], ["mirrors": .array([.string("c")])],
                PackerOptions(varFiles: ["vars/big.pkrvars.hcl"]), "c 4 true default"
            ),
            (
                ["mirrors": #"["d"]"#, "map": #"{"a": "x"}"#, "flag": "true"], nil, nil,
                "d 2 true x"
            ),
            ([:], ["map": .object(["a": .string("y")])], nil, "a,b 2 false y"),
        ]
        try await withAgent { agent, client in
            for (variables, values, options, expected) in cases {
                let built = try await build(
                    agent, client, folder, "packer", variables: variables, values: values, options)
                #expect(built.fault == nil, "\(expected): \(built.log)")
                #expect(built.finished.artifacts.first?.sha256 == digest(expected), "\(expected)")
            }
            // The archive itself may be the folder.
            var root: [String: String] = [:]
            for (name, text) in folder { root[String(name.pathSegments.last ?? "")] = text }
            let built = try await build(agent, client, root, ".")
            #expect(built.fault == nil, "\(built.log)")
        }
    }

    private let named = [
        "t.pkr.hcl": """
        variable "outdir" { type = string }
        source "null" "dependencies" { communicator = "none" }
        source "file" "disk" {
          content = "x"
          target  = "${var.outdir}/x.raw"
        }
        build {
          name    = "image.deps"
          sources = ["source.null.dependencies"]
          provisioner "shell-local" { inline = ["sleep 1; echo dependency > dep.txt"] }
        }
        build {
          name    = "image.disk"
          sources = ["source.file.disk"]
          post-processor "shell-local" { inline = ["test -e dep.txt"] }
        }
        """
    ]

    @Test("Steps are built one after the other, and a failed one ends the build")
    func steps() async throws {
        try await withAgent { agent, client in
            let ordered = try await build(
                agent, client, named, "t.pkr.hcl",
                PackerOptions(steps: ["image.deps.*", "image.disk.*"]))
            #expect(ordered.fault == nil, "\(ordered.log)")
            #expect(ordered.finished.artifacts.map(\.name) == ["x.raw"])
            let reversed = try await build(
                agent, client, named, "t.pkr.hcl",
                PackerOptions(steps: ["image.disk.*", "image.deps.*"]))
            #expect(reversed.fault?.code == .packerFailed)
            #expect(!reversed.texts.contains { $0.contains("only=image.deps") })
        }
    }

    @Test("Only and except select sources, in JSON and in HCL2") func selection() async throws {
        let json = #"""
            {"variables": {"outdir": ""}, "builders": [
              {"type": "virtualbox-iso", "guest_os_type": "Debian_64", "ssh_username": "root",
               "iso_url": "file:///etc/hostname", "iso_checksum": "none",
               "shutdown_command": "poweroff"},
              {"type": "file", "name": "qemu", "content": "x",
               "target": "{{user `outdir`}}/x.raw"}]}
            """#
        let files = named.merging(["t.json": json]) { $1 }
        try await withAgent { agent, client in
            for (path, options) in [
                ("t.json", PackerOptions(only: ["qemu"])),
                ("t.json", PackerOptions(except: ["virtualbox-iso"])),
            ] {
                let built = try await build(agent, client, files, path, options)
                #expect(built.fault == nil, "\(options): \(built.log)")
                #expect(built.finished.artifacts.map(\.name) == ["x.raw"])
            }
            let deps = try await build(
                agent, client, files, "t.pkr.hcl", PackerOptions(only: ["image.deps.*"]))
            #expect(deps.fault?.code == .noImage)
        }
    }

    @Test("A template in a folder of its archive is built there, beside what it includes")
    func templateFolder() async throws {
        let template = #"""
            {"variables": {"outdir": ""}, "builders": [
              {"type": "file", "content": "x", "target": "{{user `outdir`}}/x.raw"}],
             "provisioners": [{"type": "shell-local",
                               "inline": ["sh ../../scripts/base.sh", "test -e t.json"]}]}
            """#
        try await withAgent { agent, client in
            var tar = TarFile()
            tar.add("images/a/t.json", template)
            tar.add("scripts/base.sh", "echo base of all")
            var archive = try await agent.deliver(tar.archive)
            archive.folder = "images/a"
            let built = try await client.build(
                agent.start(archive, .packer(template: "t.json")))
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.log.contains("base of all"))
            archive.folder = "images/b"
            let missing = try await client.build(
                agent.start(archive, .packer(template: "t.json")))
            #expect(missing.fault?.code == .templateMissing)
        }
    }

    // MARK: Plugins

    @Test("Installed plugins are reported by source and version, and Packer is told where they are")
    func plugins() async throws {
        try await withAgent { agent, client in
            #expect(try await client.greet().host.packerPlugins == [:])
            let folder = "\(agent.state.packerPlugins)/github.com/hashicorp/qemu"
            try Files.makeFolder(folder)
            for version in ["1.0.9", "1.0.10"] {
                let name = "packer-plugin-qemu_v\(version)_x5.0_linux_amd64"
                for file in [name, name + "_SHA256SUM", "packer-plugin-other" + name.dropFirst(18)]
                {
                    try Files.replace("\(folder)/\(file)", with: [])
                }
            }
            let second = try await TestClient(agent.state.socket)
            #expect(
                try await second.greet().host.packerPlugins
                    == ["github.com/hashicorp/qemu": ["1.0.10", "1.0.9"]])
            let template = #"""
                {"builders": [{"type": "null", "communicator": "none"}], "provisioners": [
                  {"type": "shell-local", "inline": ["echo path $PACKER_PLUGIN_PATH",
                                                     "echo settings $PACKER_CONFIG_DIR",
                                                     "ls $PACKER_PLUGIN_PATH"]}]}
                """#
            let built = try await build(agent, client, ["t.json": template], "t.json")
            #expect(built.log.contains("path \(agent.state.packerPlugins)"), "\(built.log)")
            #expect(built.log.contains("settings \(agent.state.packerConfiguration)"))
            #expect(built.texts.contains { $0.hasSuffix("github.com") }, "\(built.log)")
        }
    }

    // MARK: Accelerators

    private func qemu(_ setting: String) -> String {
        #"""
        {"variables": {"outdir": ""}, "builders": [{"type": "qemu", \#(setting)
          "iso_url": "file:///etc/hostname", "iso_checksum": "none", "ssh_username": "root",
          "output_directory": "{{user `outdir`}}", "disk_size": "16M", "headless": true,
          "ssh_timeout": "1s", "boot_wait": "1s", "qemu_binary": "./fake-qemu"}]}
        """#
    }

    /// Prints the machine that Packer asks for, and ends.
    private let fakeQEMU = """
        #!/bin/sh
        case "$1" in -version) echo "QEMU emulator version 7.2.0"; exit 0;; esac
        echo "machine $*" >&2
        exit 1
        """

    @Test("A hard-coded kvm ends the build at once on a host with tcg, and says what to write")
    func hardCodedKVM() async throws {
        try await withAgent("isolation: none\naccelerator: tcg\n") { agent, client in
            let built = try await build(
                agent, client, ["t.json": qemu(#""accelerator": "kvm","#)], "t.json")
            #expect(built.fault?.class == .template)
            #expect(
                built.fault?.reason
                    == "the template asks for kvm (t.json:1:76): use {{user `accelerator`}} "
                    + "there, or set accelerator: override in aibuild.yml; KVM does not work on "
                    + "this host, tcg does")
            let hcl = """
                variable "outdir" { default = "" }
                source "qemu" "a" {
                  accelerator = "kvm"
                  iso_url     = "x"
                }
                build { sources = ["qemu.a"] }
                """
            let other = try await build(agent, client, ["t.pkr.hcl": hcl], "t.pkr.hcl")
            #expect(
                other.fault?.reason.hasPrefix(
                    "the template asks for kvm (t.pkr.hcl:3:17): use var.accelerator") == true)
        }
    }

    /// With isolation, each build has ports of its own.
    @Test("A display that another program of the host has is named, and the build retried")
    func takenDisplay() async throws {
        let (listener, port) = try LoopbackPort.listen()
        defer { close(listener) }
        let template = #"""
            {"variables": {"outdir": ""}, "builders": [{"type": "qemu", "headless": true,
              "iso_url": "file:///etc/hostname", "iso_checksum": "none", "ssh_username": "root",
              "output_directory": "{{user `outdir`}}", "disk_size": "16M", "ssh_timeout": "1m",
              "qemuargs": [["-m", "64"], ["-display", "vnc=127.0.0.1:\#(Int(port) - 5900)"]]}]}
            """#
        try await withAgent("isolation: none\naccelerator: tcg\n") { agent, client in
            let built = try await build(agent, client, ["t.json": template], "t.json")
            #expect(built.fault?.code == .portRace, "\(built.log)")
            #expect(built.fault?.class == .infrastructure)
            #expect(built.fault?.reason.contains("Address already in use") == true)
        }
    }

    @Test(
        "QEMU gets tcg if the template does not choose, or is overridden",
        arguments: [("", nil), (#""accelerator": "kvm","#, true)] as [(String, Bool?)])
    func acceleratorOfHost(setting: String, overrides: Bool?) async throws {
        try await withAgent("isolation: none\naccelerator: tcg\n") { agent, client in
            var tar = TarFile()
            tar.add("t.json", qemu(setting))
            tar.add("fake-qemu", fakeQEMU, mode: 0o755)
            var start = agent.start(
                try await agent.deliver(tar.archive), .packer(template: "t.json"))
            start.recipe.packer = PackerOptions(overridesAccelerator: overrides)
            let built = try await client.build(start)
            #expect(
                built.texts.contains(
                    "t.json: set the accelerator to tcg, which this host has"), "\(built.log)")
            #expect(built.log.contains("accel=tcg"), "\(built.log)")
            #expect(!built.log.contains("accel=kvm"))
        }
    }

    @Test("An image that a template downloads is fetched once, verified, and read from the cache")
    func imageOfTemplate() async throws {
        let file = Array("an image".utf8)
        let mirror = try MirrorServer(file) { _, _ in .file }
        let settings =
            "isolation: none\naccelerator: tcg\nbase_image_networks: [127.0.0.1]\n"
        try await withAgent(settings) { agent, client in
            for (digest, isRight) in [
                (SHA256.hex(file), true), (SHA256.hex(file), true),
                (String(repeating: "0", count: 64), false),
            ] {
                var tar = TarFile()
                tar.add(
                    "t.json",
                    qemu("").replacing("file:///etc/hostname", with: mirror.url("/d/x.iso"))
                        .replacing("\"none\"", with: "\"sha256:\(digest)\""))
                tar.add("fake-qemu", fakeQEMU, mode: 0o755)
                let built = try await client.build(
                    agent.start(try await agent.deliver(tar.archive), .packer(template: "t.json")))
                #expect(built.log.contains("/base/iso0/x.iso") == isRight, "\(built.log)")
                if !isRight { #expect(built.fault?.code == .baseImageDigest) }
            }
            #expect(mirror.requests.count == 2)
        }
    }
}
