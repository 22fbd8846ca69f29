import AgentCore
import BuildProtocol
import ProcessKit
import Support
import TestSupport
import Testing

/// Templates in the shape of those that teams have, with a real guest.
@Suite struct FieldTemplateTests {
    /// Written for Packer 1.0, for hosts with KVM, with values that are set nowhere in it.
    private static func old(md5: String) -> String {
        #"""
        {"description": "A guest OS, minimal, for Packer", "min_packer_version": "1.0.0",
         "builders": [{
           "vm_name": "{{ user `vmname` }}", "type": "qemu", "iso_url": "{{ user `isourl` }}",
           "iso_checksum": "\#(md5)", "iso_checksum_type": "md5",
           "output_directory": "{{ user `outdir` }}", "shutdown_command": "poweroff -f",
           "disk_size": 128, "format": "qcow2",
           "qemuargs": [["-m", "512"], ["-smp", "1"], ["-display", "vnc=:5"]],
           "headless": false, "accelerator": "kvm", "http_directory": "httpdir",
           "ssh_username": "root", "ssh_password": "{{ user `password` }}", "ssh_port": 22,
           "ssh_wait_timeout": "3m", "vnc_bind_address": "0.0.0.0",
           "net_device": "virtio-net", "disk_interface": "virtio",
           "boot_wait": "1s", "boot_command": ["<enter><wait>"]}],
         "provisioners": [
           {"type": "shell", "scripts": ["scripts/install.sh"]},
           {"type": "ansible", "playbook_file": "ansible/play.yml", "user": "root",
            "extra_arguments": ["--extra-vars", "greeting={{ user `greeting` }}"]},
           {"type": "shell", "inline": [
             "printf 'ls roles/web; cat \"$1\"; echo \"told $*\"\\n' >/root/fake-playbook"]},
           {"type": "ansible-local", "playbook_file": "ansible/local.yml",
            "playbook_dir": "ansible", "command": "sh /root/fake-playbook",
            "extra_arguments": ["--extra-vars", "greeting={{ user `greeting` }}"]}]}
        """#
    }

    private static let play = """
        - hosts: all
          gather_facts: false
          tasks:
            - raw: "echo {{ greeting }} from $(uname -s)"
              register: answer
            - debug: {var: answer.stdout}
        """

    /// The guest has no Python, so the play uses `raw`, and what runs plays in the guest is a
    /// script that shows what it is given.
    @Test("A template as the original AIBuild had them builds without KVM, and so does its play")
    func oldTemplate() async throws {
        let (folder, iso) = try await MiniLinux.shared.template()
        let install = try Files.read("\(folder)/scripts/install.sh", limitBytes: 1 << 20)
        let sum = try await Command(
            ["md5sum", iso], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        var tar = TarFile()
        tar.add("old.json", Self.old(md5: String(sum.stdoutText.prefix(32))))
        tar.add("scripts/install.sh", String(decoding: install, as: UTF8.self))
        tar.add("ansible/play.yml", Self.play)
        tar.add("ansible/local.yml", "- hosts: all # in the guest\n")
        tar.add("ansible/roles/web/tasks.yml", "[]\n")
        tar.add("httpdir/ks.cfg", "")
        tar.add("vars/site.json", #"{"greeting": "hello"}"#)
        let archive = tar.archive
        try await withAgent("accelerator: tcg\n") { agent, client in
            var start = agent.start(
                try await agent.deliver(archive), .packer(template: "old.json"),
                variables: ["password": "build"],
                baseImage: BaseImage(url: "file://\(iso)", sha256: nil))
            start.recipe.packer = PackerOptions(
                varFiles: ["vars/site.json"], overridesAccelerator: true)
            // Packer's own SSH server, up to 1.6, has keys that OpenSSH takes only if told to.
            start.recipe.environment = [
                "ANSIBLE_SSH_ARGS": .text(
                    "-o HostKeyAlgorithms=+ssh-rsa -o PubkeyAcceptedAlgorithms=+ssh-rsa "
                        + "-o ControlMaster=auto -o ControlPersist=60s")
            ]
            start.requirements.memoryBytes = 512 << 20
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.finished.artifacts.map(\.format) == [.qcow2])
            #expect(built.texts.contains { $0.contains("hello from Linux") }, "\(built.log)")
            for words in ["tasks.yml", "- hosts: all # in the guest", "-c local", "greeting=hello"]
            {
                #expect(built.texts.contains { $0.contains(words) }, "\(words): \(built.log)")
            }
        }
    }
}
