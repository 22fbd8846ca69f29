import AgentCore
import BuildProtocol
import Support
import TestSupport
import Testing

/// Scripts that were written for the original AIBuild's Jenkins jobs.
@Suite struct JenkinsTests {
    private func start(
        _ agent: TestAgent, _ files: [String: String], isosURL: String? = "http://isos/d.iso"
    ) async throws -> Start {
        var tar = TarFile()
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            tar.add(name, text, mode: 0o644)
        }
        var start = agent.start(
            try await agent.deliver(tar.archive), .command(["./builders/build_image.sh"]))
        start.recipe.jenkins = JenkinsEnvironment(
            commit: "c0ffee", isosURL: isosURL, webServer: "farm:9753")
        return start
    }

    private let fileTemplate = """
        {"variables": {"outdir": "", "vmname": "", "isourl": ""},
         "builders": [{"type": "file", "content": "x",
                       "target": "{{user `outdir`}}/{{user `vmname`}}"}]}
        """

    /// The shape of the original's scripts: a fixed Packer, a folder in /tmp, a move into the web
    /// folder of the worker.
    private let script = """
        #!/usr/bin/env bash
        set -u
        [[ -x /opt/packer ]] || { echo "no Packer"; exit 1; }
        echo "Build: "$BUILD_TAG
        name=debian12
        place=/tmp/${name}_$BUILD_NUMBER
        image=${name}x86_64_$BUILD_NUMBER.raw
        cd $WORKSPACE
        echo "number $BUILD_NUMBER commit $GIT_COMMIT iso $ISOS_URL web $WEB_SERVER"
        echo "job $JOB_NAME in $(ls *.json)"
        /opt/packer build -var "outdir=$place" -var "vmname=$image" -var "isourl=$ISOS_URL" \
            debian12x86_64.json
        [[ -e $place/$image ]] || { echo "no image"; exit 1; }
        mkdir -p /var/www/html/images/$name
        mv $place/$image /var/www/html/images/$name
        rm -rf $place

        """

    @Test("A script of a Jenkins job runs unchanged, although it is not executable")
    func unchanged() async throws {
        try await withAgent { agent, client in
            let start = try await start(
                agent,
                ["builders/build_image.sh": script, "debian12x86_64.json": fileTemplate])
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            #expect(
                built.texts.contains(
                    "number 1 commit c0ffee iso http://isos/d.iso web farm:9753"))
            #expect(built.texts.contains("job image_build_g in debian12x86_64.json"))
            #expect(built.texts.contains("Build: jenkins-image_build_g-1"))
            #expect(built.finished.artifacts.map(\.name) == ["debian12x86_64_1.raw"])
        }
    }

    @Test("The base image takes the place of the registered ISO")
    func baseImage() async throws {
        try await withAgent { agent, client in
            let image = agent.folder.path + "/own.iso"
            try Files.replace(image, with: [1], mode: 0o644)
            let script = "#!/bin/sh\necho \"iso $ISOS_URL\"\ntruncate -s 1M $AIBUILD_OUTPUT/a.raw"
            var start = try await start(agent, ["builders/build_image.sh": script])
            start.recipe.baseImage = BaseImage(url: "file://" + image, sha256: nil)
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.texts.contains("iso " + image))
        }
    }

    @Test("A template that this version of Packer rejects is fixed for the script as well")
    func fixed() async throws {
        try await withAgent { agent, client in
            let old = """
                {"builders": [{"type": "qemu", "iso_url": "no.iso", "iso_checksum_type": "md5",
                  "iso_checksum": "00000000000000000000000000000000", "ssh_wait_timeout": "3s",
                  "ssh_username": "root", "accelerator": "tcg", "headless": true}]}
                """
            let script = "#!/bin/sh\ncd $WORKSPACE\n/opt/packer build -var 'a=b c' old.json\n"
            let built = try await client.build(
                try await start(
                    agent, ["builders/build_image.sh": script, "old.json": old]))
            #expect(built.fault?.code == .commandFailed, "\(built.log)")
            #expect(built.texts.contains { $0.hasPrefix("+") && $0.contains("md5:000") })
            #expect(built.texts.contains { $0.contains("no.iso") }, "\(built.log)")
        }
    }

    /// Packer would wait for its guest until the silence limit ends it.
    @Test(
        "A script whose template asks for kvm fails at once where KVM does not work"
    )
    func withoutKVM() async throws {
        let template = """
            {"variables": {"outdir": "", "vmname": "", "isourl": ""},
             "builders": [{"type": "qemu", "accelerator": "kvm", "headless": true,
               "iso_url": "{{user `isourl`}}", "iso_checksum": "none", "disk_size": "16M",
               "output_directory": "{{user `outdir`}}", "vm_name": "{{user `vmname`}}",
               "ssh_username": "root", "ssh_timeout": "20m", "shutdown_command": "poweroff"}]}
            """
        let iso = try await MiniLinux.shared.template().iso
        try await withAgent("accelerator: tcg\n") { agent, client in
            var start = try await start(
                agent, ["builders/build_image.sh": script, "debian12x86_64.json": template])
            start.recipe.baseImage = BaseImage(url: "file://\(iso)", sha256: nil)
            let built = try await client.build(start)
            #expect(built.fault?.class == .template, "\(built.log)")
            let words = "json asks for kvm, which does not work on this host (it has tcg)"
            #expect(built.fault?.reason.contains(words) == true, "\(built.fault?.reason ?? "")")
        }
    }

    @Test("A build that asks for nothing of Jenkins sees nothing of it")
    func others() async throws {
        try await withAgent { agent, client in
            var start = try await start(
                agent,
                ["builders/build_image.sh": "#!/bin/sh\n[ ! -e /var/www ] && echo none $WORKSPACE"])
            start.recipe.jenkins = nil
            start.recipe.builder = .command(["sh", "./builders/build_image.sh"])
            #expect(try await client.build(start).texts.contains("none"))
        }
    }
}
