import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Images that Packer's own builder makes in Amazon's cloud, for which moto stands.
@Suite("Remote images", .timeLimit(.minutes(10))) struct RemoteImageTests {
    /// What the operator has written to remove images.
    private func remover(_ aws: FakeAWS, in folder: String) throws -> String {
        let script = """
            #!/bin/sh -eu
            echo "$AIBUILD_REMOTE_TYPE $AIBUILD_REMOTE_ID $AIBUILD_IMAGE_NAME" >>'\(folder)/removed'
            curl -sSf -H 'Authorization: \(FakeAWS.authorization)' '\(aws.url)/' \\
              -d "Action=DeregisterImage&ImageId=${AIBUILD_REMOTE_ID#*:}&Version=2016-11-15"
            """
        let path = folder + "/remove-image"
        try Files.replace(path, with: script.utf8, mode: 0o755)
        return path
    }

    private func builder(_ aws: FakeAWS, _ own: String) -> String {
        """
        {"type": "amazon-ebs", "region": "us-east-1", "custom_endpoint_ec2": "\(aws.url)",
         "instance_type": "t3.micro", "ami_name": "{{user `vmname`}} {{timestamp}}", \(own)}
        """
    }

    private func good(_ aws: FakeAWS) -> String {
        builder(aws, #""source_ami": "\#(FakeAWS.sourceImage)", "communicator": "none""#)
    }

    private static let yaml = """
        template: image.json
        environment:
          AWS_ACCESS_KEY_ID: testing
          AWS_SECRET_ACCESS_KEY: {secret: aws-key}

        """

    private func withCloud(
        _ body: (Farm, FakeAWS, _ removals: () throws -> String) async throws -> Void
    ) async throws {
        let aws = try await FakeAWS.start()
        let folder = try TemporaryFolder()
        let program = try remover(aws, in: folder.path)
        let setup = Farm.Setup {
            // Builds reach no loopback address otherwise.
            $0.agentLines += ["isolation: none"]
            $0.coordinatorLines = [
                "retention: {good_images: 1, grace: 0s}",
                "remote_images: {remove: [\(program)], timeout: 1m}",
            ]
        }
        try await withFarm(setup) { farm in
            let key = folder.path + "/key"
            try Files.replace(key, with: "correct-horse-battery".utf8, mode: 0o600)
            let added = try await farm.aibuild([
                "secret", "add", "aws-key", "--from-file", key, "--guest-os", "cloud*",
            ])
            try #require(added.status.isSuccess, "\(added.err)")
            try await body(farm, aws) {
                guard Files.exists(folder.path + "/removed") else { return "" }
                let bytes = try Files.read(folder.path + "/removed", limitBytes: 1 << 16)
                return String(decoding: bytes, as: UTF8.self)
            }
        }
    }

    private func ended(_ farm: Farm, _ name: String) async throws -> (FarmBuild, log: String) {
        let build = try await farm.api.end(of: try await farm.api.submit(name))
        return (build, String(decoding: try await farm.api.log(build), as: UTF8.self))
    }

    @Test("A cloud's image is recorded, tested by a program, shown, and removed with its build")
    func lifetime() async throws {
        try await withCloud { farm, aws, removals in
            // The key is in the environment of the program, and in no log.
            let look = """
                #!/bin/sh -eu
                test "$AWS_SECRET_ACCESS_KEY" = correct-horse-battery
                echo "looking at $AIBUILD_REMOTE_IDS with $AWS_SECRET_ACCESS_KEY"
                jq -e --arg id "$AIBUILD_REMOTE_IDS" '.images[0].id == $id' "$AIBUILD_REMOTE_IMAGES"
                curl -sSf -H 'Authorization: \(FakeAWS.authorization)' '\(aws.url)/' \\
                  -d "Action=DescribeImages&ImageId.1=${AIBUILD_REMOTE_IDS#*:}&Version=2016-11-15" |
                  grep '<imageState>available'
                """
            try await farm.template(
                "cloud", Self.yaml + "tests: {cases: [{name: there, program: [./look.sh]}]}\n",
                files: ["image.json": #"{"builders": [\#(good(aws))]}"#, "look.sh": look])
            let (build, log) = try await ended(farm, "cloud")
            try #require(build.state == "passed", "\(build)\n\(log)")
            let made = try await aws.images()
            let images = build.remoteImages ?? []
            #expect(images.map(\.id) == ["us-east-1:\(made.first ?? "")"])
            #expect(images.map(\.type) == ["mitchellh.amazonebs"])
            #expect(images.map(\.state) == ["kept"] && made.count == 1)
            let image = try #require(build.image)
            #expect(image.path.hasPrefix("images/release/cloud/"), "\(image)")
            let list = FarmClient.text(try await farm.api.get("/" + image.path))
            #expect(list.contains(made[0]), "\(list)")
            #expect(log.contains("looking at us-east-1:\(made[0]) with ***"), "\(log)")
            #expect(!log.contains("correct-horse"))
            let shown = try await farm.aibuild(["show", "cloud:1"]).out
            #expect(shown.contains("us-east-1:\(made[0])") && shown.contains("kept"), "\(shown)")

            let (second, _) = try await ended(farm, "cloud")
            try #require(second.state == "passed")
            #expect(try await farm.api.send("POST", "/api/v1/retention").status == 200)
            try await eventually("the first image is removed, and the second stays", seconds: 120) {
                try await aws.images() == [
                    String(try #require(second.remoteImages?[0].id).dropFirst(10))
                ]
            }
            #expect(try removals().contains("mitchellh.amazonebs us-east-1:\(made[0]) "))
            try await eventually("it is recorded") {
                try await farm.api.build(build.id).remoteImages?[0].state == "removed"
            }
        }
    }

    @Test("One push makes a disk image and a cloud's: both are of one build, and removed with it")
    func diskAndCloud() async throws {
        try await withCloud { farm, aws, _ in
            let example =
                Files.folder(of: Files.folder(of: Files.folder(of: "\(#filePath)")))
                + "/examples/mini-linux"
            let folder = try await farm.shell(
                "'\(example)/prepare.sh' \(farm.folder)/mini 2>/dev/null", timeoutSeconds: 300
            ).filter { $0 != "\n" }
            let json = folder + "/mini-linuxx86_64.json"
            _ = try await farm.shell(
                """
                jq '.builders += [\(good(aws))] | .provisioners[0].only = ["mini-linux"]' \
                  '\(json)' >'\(json).new' && mv '\(json).new' '\(json)'
                """)
            let yaml = String(
                decoding: try Files.read(folder + "/aibuild.yml", limitBytes: 1 << 16),
                as: UTF8.self)
            let environment = Self.yaml.split(separator: "\n").dropFirst()
            try Files.replace(
                folder + "/aibuild.yml",
                with: Array((yaml + environment.joined(separator: "\n") + "\n").utf8))
            #expect(try await farm.api.register(guestOS: "cloud", folder: folder).status == 201)
            let submitted = try await farm.api.submit("cloud")
            let build = try await farm.api.end(of: submitted, seconds: 240)
            let log = String(decoding: try await farm.api.log(build), as: UTF8.self)
            try #require(build.state == "passed", "\(build)\n\(log)")
            let made = try await aws.images()
            #expect(build.remoteImages?.map(\.id) == ["us-east-1:\(made.first ?? "")"])
            #expect(build.image?.format == "qcow2", "\(build)")
            #expect(build.attempts?.map(\.stage) == ["build", "test"])
            #expect(build.tests?.first.map { "\($0.name) \($0.result)" } == "boots passed")
            let again = try await farm.api.end(of: try await farm.api.submit("cloud"), seconds: 240)
            try #require(again.state == "passed", "\(again)")
            #expect(try await farm.api.send("POST", "/api/v1/retention").status == 200)
            try await eventually("what the first build made is removed, in both places") {
                try await aws.images() == [
                    String(try #require(again.remoteImages?[0].id).dropFirst(10))
                ] && !Files.exists("\(farm.webRoot)/\(try #require(build.image).path)")
            }
        }
    }

    @Test("Of several platforms one fails: the build fails, and what the others made is removed")
    func onePlatformFails() async throws {
        try await withCloud { farm, aws, removals in
            let bad = builder(
                aws, #""name": "other", "source_ami": "ami-00000000", "communicator": "none""#)
            try await farm.template(
                "cloud", Self.yaml,
                files: ["image.json": #"{"builders": [\#(good(aws)), \#(bad)]}"#])
            let (build, log) = try await ended(farm, "cloud")
            #expect(build.state == "failed" && build.attemptCount == 1, "\(build)\n\(log)")
            #expect(build.fault?.reason.contains("ami-00000000") == true, "\(build)")
            #expect(build.remoteImages?.map(\.builder) == ["amazon-ebs"], "\(build)")
            try await eventually("the image of the other is removed", seconds: 120) {
                try await aws.images().isEmpty && (try removals()).contains("us-east-1:ami-")
            }
            #expect(try await aws.machines().isEmpty)
        }
    }

    @Test("A build that is cancelled leaves no machine in the cloud")
    func cancelled() async throws {
        try await withCloud { farm, aws, _ in
            // Nothing answers there.
            let waits = #"""
                "source_ami": "\#(FakeAWS.sourceImage)", "ssh_username": "root",
                "ssh_host": "127.0.0.1", "ssh_port": 9, "ssh_timeout": "10m"
                """#
            try await farm.template(
                "cloud", Self.yaml,
                files: ["image.json": #"{"builders": [\#(builder(aws, waits))]}"#])
            let build = try await farm.api.submit("cloud")
            try await farm.api.logs(build, "Waiting for SSH to become available")
            #expect(try await aws.machines().count == 1)
            _ = try await farm.api.cancel(build)
            let ended = try await farm.api.end(of: build)
            #expect(ended.state == "cancelled", "\(ended)")
            #expect(try await aws.machines().isEmpty)
            #expect(try await aws.images().isEmpty)
            #expect(ended.remoteImages?.isEmpty == true, "\(ended)")
        }
    }
}
