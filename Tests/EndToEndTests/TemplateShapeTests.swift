import HTTPClientKit
import Support
import TestSupport
import Testing

/// Templates in the shape of those that public projects have, with a real guest and Debian's Packer
/// (1.6.6). Nothing of those projects is in them.
@Suite(.timeLimit(.minutes(10))) struct TemplateShapeTests {
    private static let needs = "requirements: {memory: 512MiB, disk: 1GiB}\n"

    /// The builds' script for the guest, and lines of aibuild.yml.
    private func mini() async throws -> (install: String, base: String) {
        let (folder, iso) = try await MiniLinux.shared.template()
        let install = try Files.read("\(folder)/scripts/install.sh", limitBytes: 1 << 20)
        return (
            String(decoding: install, as: UTF8.self),
            "base_image: {url: \"file://\(iso)\", sha256: \(try SHA256.file(iso))}\n" + Self.needs
        )
    }

    private func passed(_ farm: Farm, _ name: String) async throws -> FarmBuild {
        let build = try await farm.api.submit(name)
        let ended = try await farm.api.end(of: build, seconds: 300)
        let log = String(decoding: try await farm.api.log(build), as: UTF8.self)
        try #require(ended.state == "passed", "\(ended)\n\(log.suffix(6000))")
        return ended
    }

    private func published(_ farm: Farm, _ build: FarmBuild) throws -> [String] {
        let image = try #require(build.image)
        return try Files.list(Files.folder(of: "\(farm.webRoot)/\(image.path)"))
    }

    // MARK: Boxes for several hypervisors

    private static let boxes = #"""
        {"variables": {
           "box_basename": "mini-1.0", "build_directory": "builds", "cpus": "1",
           "disk_size": "128", "headless": "true", "http_directory": "http", "memory": "512",
           "name": "mini", "template": "mini-1.0-amd64", "mirror": "http://192.0.2.1",
           "isourl": null, "isochecksum": null, "build_timestamp": "{{isotime \"20060102150405\"}}"
         },
         "builders": [
           {"type": "virtualbox-iso", "guest_os_type": "Debian_64", "iso_url": "{{user `isourl`}}",
            "iso_checksum": "{{user `isochecksum`}}", "ssh_username": "vagrant",
            "guest_additions_path": "VBoxGuestAdditions_{{.Version}}.iso",
            "shutdown_command": "poweroff"},
           {"type": "vmware-iso", "guest_os_type": "debian10-64", "iso_url": "{{user `isourl`}}",
            "iso_checksum": "{{user `isochecksum`}}", "ssh_username": "vagrant",
            "shutdown_command": "poweroff"},
           {"type": "qemu", "vm_name": "{{user `template`}}", "headless": "{{user `headless`}}",
            "output_directory": "{{user `build_directory`}}/packer-{{user `template`}}-qemu",
            "cpus": "{{user `cpus`}}", "memory": "{{user `memory`}}",
            "disk_size": "{{user `disk_size`}}", "http_directory": "{{user `http_directory`}}",
            "iso_url": "{{user `isourl`}}", "iso_checksum": "{{user `isochecksum`}}",
            "boot_wait": "1s", "boot_command": [
              "<esc><wait>", "auto <wait>", "url={{ .HTTPIP }}:{{ .HTTPPort }}/p <wait>",
              "<enter>"],
            "ssh_port": 22, "ssh_timeout": "3m", "ssh_username": "root", "ssh_password": "build",
            "shutdown_command": "echo 'build' | poweroff -f"}],
         "provisioners": [
           {"type": "shell", "expect_disconnect": true, "scripts": ["scripts/install.sh"],
            "environment_vars": ["HOME_DIR=/root", "BUILD_NUMBER={{user `build_timestamp`}}"],
            "execute_command": "echo 'build' | {{.Vars}} sh -eux '{{.Path}}'"}],
         "post-processors": [
           {"type": "vagrant",
            "output": "{{user `build_directory`}}/{{user `box_basename`}}.{{.Provider}}.box"}]}
        """#

    @Test("A template of boxes for several hypervisors leaves the box of the one for QEMU")
    func boxes() async throws {
        let (install, base) = try await mini()
        let yaml = "template: mini.json\n" + base
        let files = ["mini.json": Self.boxes, "scripts/install.sh": install, "http/p": ""]
        try await withFarm { farm in
            let folder = try farm.writeTemplate("box", yaml, files: files)
            let refused = try await farm.api.register(guestOS: "box", folder: folder)
            #expect(refused.status == 422, "\(refused)")
            let words = try farm.api.problem(refused).detail
            #expect(words.contains("virtualbox-iso") && words.contains("only: [qemu]"), "\(words)")

            try await farm.template(
                "boxes", yaml + "only: [qemu]\nartifacts: [{files: \"builds/*.box\", kind: box}]\n",
                files: files)
            let passed = try await passed(farm, "boxes")
            let image = try #require(passed.image)
            #expect(image.name == "\(passed.imageName).box" && image.format == "file")
            let content = try await farm.shell("tar tzf '\(farm.webRoot)/\(image.path)' | sort")
            #expect(content.split(separator: "\n") == ["Vagrantfile", "box.img", "metadata.json"])
        }
    }

    // MARK: Archives for machines

    private static let archives = #"""
        variable "headless" {
          type        = bool
          default     = true
          description = "Whether VNC viewer should not be launched."
        }
        variable "isourl" { type = string }
        variable "isochecksum" { type = string }
        variable "outdir" { type = string }
        variable "filename" {
          type    = string
          default = "mini.tar.gz"
        }
        variable "timeout" {
          type    = string
          default = "3m"
        }

        locals {
          proxy_env = [ "http_proxy=", "BUILD_NUMBER=7" ]
          qemu_vga  = { "x86_64" = "std" }
        }

        source "null" "dependencies" { communicator = "none" }

        source "qemu" "flat" {
          boot_wait        = "1s"
          boot_command     = ["<enter><wait>"]
          cpus             = 1
          disk_size        = "128M"
          format           = "qcow2"
          headless         = var.headless
          http_directory   = "http"
          iso_url          = var.isourl
          iso_checksum     = var.isochecksum
          memory           = 512
          output_directory = var.outdir
          qemuargs = [
            ["-vga", lookup(local.qemu_vga, "x86_64", "")],
            ["-serial", "stdio"]
          ]
          shutdown_command       = "poweroff -f"
          ssh_handshake_attempts = 500
          ssh_password           = "build"
          ssh_timeout            = var.timeout
          ssh_username           = "root"
        }

        build {
          name    = "flat.deps"
          sources = ["source.null.dependencies"]
          provisioner "shell-local" {
            inline         = ["mkdir -p http", "echo prepared > http/user-data"]
            inline_shebang = "/bin/bash -e"
          }
        }

        build {
          name    = "flat.image"
          sources = ["source.qemu.flat"]
          provisioner "shell" {
            environment_vars = concat(local.proxy_env, ["DEBIAN_FRONTEND=noninteractive"])
            execute_command  = "env {{ .Vars }} sh {{ .Path }}"
            scripts          = ["${path.root}/scripts/install.sh"]
          }
          post-processor "shell-local" {
            inline = [
              "test \"$(cat http/user-data)\" = prepared",
              "qemu-img convert -O raw ${var.outdir}/packer-flat flat.raw",
              "tar -czf ${var.filename} -S flat.raw"
            ]
            inline_shebang = "/bin/bash -e"
          }
        }
        """#

    @Test(
        "A template whose product is an archive that a post-processor makes is built in its order")
    func archives() async throws {
        let (install, base) = try await mini()
        let yaml =
            "template: .\nsteps: [\"flat.deps.*\", \"flat.image.*\"]\n" + base
            + "image: mini.tar.gz\nartifacts: [{files: mini.tar.gz, kind: archive}]\n"
        try await withFarm { farm in
            for (name, version) in [("older", ">= 1.6.0"), ("newer", ">= 1.7.0")] {
                try await farm.template(
                    name, yaml,
                    files: [
                        "flat.pkr.hcl": Self.archives,
                        "needs.pkr.hcl": "packer { required_version = \"\(version)\" }\n",
                        "scripts/install.sh": install,
                    ])
            }
            let passed = try await passed(farm, "older")
            let image = try #require(passed.image)
            #expect(image.name == "\(passed.imageName).tar.gz")
            let content = try await farm.shell("tar tzf '\(farm.webRoot)/\(image.path)'")
            #expect(content == "flat.raw\n")

            let refused = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"newer","reason":"a test"}"#)
            let words = FarmClient.text(refused)
            #expect(refused.status == 409 && words.contains("1.7.0"), "\(words)")
            #expect(words.contains("1.6.6"), "\(words)")
        }
    }

    // MARK: Layers of variables

    private static let layers = #"""
        {"variables": {
           "artifact_name": "{{user `build_name`}}-kube-{{user `kubernetes_semver`}}",
           "build_timestamp": "{{timestamp}}", "containerd_version": null,
           "kubernetes_semver": null, "kubernetes_deb_gpg_key": "", "ansible_extra_vars": "",
           "manifest_output": "manifest.json",
           "output_directory": "./output/{{user `build_name`}}",
           "ansible_common_vars": "containerd={{user `containerd_version`}}"
         },
         "builders": [
           {"type": "file", "name": "qemu",
            "content": "{{user `artifact_name`}} {{user `containerd_version`}}",
            "target": "{{user `output_directory`}}/{{user `artifact_name`}}.raw"}],
         "provisioners": [
           {"type": "shell-local", "inline": ["echo preparing {{user `artifact_name`}}"]},
           {"type": "shell-local", "inline": [
              "ansible-playbook -i localhost, ./ansible/node.yml --extra-vars \"$VARS\""],
            "environment_vars": [
              "VARS={{user `ansible_common_vars`}} {{user `ansible_extra_vars`}}"]}],
         "post-processors": [
           {"type": "manifest", "output": "{{user `manifest_output`}}", "strip_path": true,
            "custom_data": {"kubernetes_semver": "{{user `kubernetes_semver`}}",
                            "containerd_version": "{{user `containerd_version`}}"}},
           {"type": "shell-local", "inline": ["test -s {{user `manifest_output`}}"]}]}
        """#

    /// Without a guest, for which Packer's `ansible` provisioner is tested with the agent.
    @Test("A template of several files of variables takes the last value of each, and then ours")
    func layersOfVariables() async throws {
        let play = """
            - hosts: all
              connection: local
              gather_facts: false
              tasks: [{debug: {msg: "containerd {{ containerd }} for {{ owner }}"}}]
            """
        let yaml = """
            template: packer/qemu/packer.json
            var_files: [packer/config/kubernetes.json, packer/config/containerd.json, \
            packer/qemu/qemu-debian-12.json]
            variables: {ansible_extra_vars: owner=us}
            artifacts: [{files: manifest.json, kind: other}]
            """ + "\n" + Self.needs
        try await withFarm { farm in
            try await farm.template(
                "capi", yaml,
                files: [
                    "packer/qemu/packer.json": Self.layers, "ansible/node.yml": play,
                    "packer/config/kubernetes.json":
                        #"{"kubernetes_semver": "v1.28.0", "ansible_extra_vars": "owner=them"}"#,
                    "packer/config/containerd.json":
                        #"{"containerd_version": "1.6.2", "build_name": "unnamed"}"#,
                    "packer/qemu/qemu-debian-12.json":
                        #"{"build_name": "debian-12", "kubernetes_semver": "v1.29.3"}"#,
                ])
            let passed = try await passed(farm, "capi")
            let image = try #require(passed.image)
            let content = try await farm.shell("cat '\(farm.webRoot)/\(image.path)'")
            #expect(content == "debian-12-kube-v1.29.3 1.6.2")
            let log = String(decoding: try await farm.api.log(passed), as: UTF8.self)
            #expect(log.contains("preparing debian-12-kube-v1.29.3"))
            #expect(log.contains("containerd 1.6.2 for us"), "\(log)")
            let manifest = "\(passed.imageName)-manifest.json"
            #expect(try published(farm, passed).contains(manifest))
            let folder = Files.folder(of: "\(farm.webRoot)/\(image.path)")
            let recorded = try await farm.shell("cat '\(folder)/\(manifest)'")
            #expect(recorded.contains(#""kubernetes_semver": "v1.29.3""#), "\(recorded)")
        }
    }

    // MARK: UEFI

    private static func firmware(_ source: String) -> String {
        #"""
        variable "isourl" { type = string }
        variable "outdir" { type = string }
        variable "vmname" { type = string }

        source "null" "variables" { communicator = "none" }
        \#(source)
        build {
          name    = "uefi.variables"
          sources = ["source.null.variables"]
          provisioner "shell-local" {
            inline = ["cp /usr/share/OVMF/OVMF_VARS_4M.fd efivars.fd"]
          }
        }
        build {
          name    = "uefi.disk"
          sources = ["source.qemu.vm"]
          provisioner "shell" {
            inline = ["test -d /sys/firmware/efi", "echo installed by UEFI"]
          }
        }
        """#
    }

    private static let pflash = #"""
        locals { code = "/usr/share/OVMF/OVMF_CODE_4M.fd" }
        source "qemu" "vm" {
          machine_type     = "q35"
          cpus             = 1
          memory           = 512
          disk_image       = true
          disk_interface   = "virtio"
          disk_size        = "512M"
          format           = "qcow2"
          headless         = true
          iso_url          = var.isourl
          iso_checksum     = "none"
          output_directory = var.outdir
          vm_name          = var.vmname
          qemuargs = [
            ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file=${local.code}"],
            ["-drive", "if=pflash,unit=1,format=raw,file=efivars.fd"],
            ["-drive", "if=none,id=d,format=qcow2,file=${var.outdir}/${var.vmname}"],
            ["-device", "virtio-blk-pci,drive=d,bootindex=1"],
            ["-device", "virtio-net,netdev=user.0"]
          ]
          boot_wait        = "1s"
          shutdown_command = "poweroff -f"
          ssh_password     = "build"
          ssh_timeout      = "4m"
          ssh_username     = "root"
        }
        """#

    @Test("A template that boots its guest by UEFI is built, with its variables beside the image")
    func uefi() async throws {
        let disk = try await MiniLinux.shared.imageForUEFI()
        let yaml =
            "template: .\nsteps: [\"uefi.variables.*\", \"uefi.disk.*\"]\n"
            + "base_image: {url: \"file://\(disk)\", sha256: \(try SHA256.file(disk))}\n"
            + Self.needs + "artifacts: [{files: efivars.fd, kind: other}]\n"
                + """
                tests:
                  firmware: uefi
                  login: {user: root, password_file: password}
                  boot_limit: 4m
                  cases: [{name: boots, builtin: boot}]
                """
        try await withFarm { farm in
            try await farm.template(
                "uefi", yaml,
                files: ["t.pkr.hcl": Self.firmware(Self.pflash), "password": "build\n"])
            let passed = try await passed(farm, "uefi")
            #expect(passed.image?.format == "qcow2")
            #expect(passed.tests?.map(\.result) == ["passed"])
            let names = try published(farm, passed)
            #expect(names.contains("\(passed.imageName)-efivars.fd"), "\(names)")
            let log = String(
                decoding: try await farm.api.log(
                    passed, attempt: try #require(passed.attempts?.first).attempt), as: UTF8.self)
            #expect(log.contains("installed by UEFI"))
        }
    }

    /// What the plugin for QEMU has, and the builder within Packer 1.6 has not.
    @Test("Settings of a newer builder are refused with their names")
    func newerBuilder() async throws {
        let source = #"""
            source "qemu" "vm" {
              iso_url           = var.isourl
              iso_checksum      = "none"
              output_directory  = var.outdir
              vm_name           = var.vmname
              efi_boot          = true
              efi_firmware_code = "/usr/share/OVMF/OVMF_CODE_4M.fd"
              efi_firmware_vars = "/usr/share/OVMF/OVMF_VARS_4M.fd"
              ssh_username      = "root"
              shutdown_command  = "poweroff"
            }
            """#
        let yaml = "template: .\nonly: [\"uefi.disk.*\"]\n" + (try await mini()).base
        try await withFarm { farm in
            try await farm.template("uefi", yaml, files: ["t.pkr.hcl": Self.firmware(source)])
            let refused = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"uefi","reason":"a test"}"#)
            let words = FarmClient.text(refused)
            #expect(refused.status == 422 && words.contains("efi_boot"), "\(words)")
        }
    }
}
