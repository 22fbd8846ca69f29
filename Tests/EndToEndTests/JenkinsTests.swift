import HTTPClientKit
import Support
import TestSupport
import Testing
import TextKit

/// Scripts of the original AIBuild's Jenkins jobs, from `aibuild.yml` to the host.
@Suite(.timeLimit(.minutes(3))) struct JenkinsTests {
    private static let yaml = """
        builder: command
        command: ["./builders/build_image.sh"]
        jenkins: true
        requirements: {memory: 64MiB, disk: 16MiB}

        """

    private static let script = """
        #!/usr/bin/env bash
        set -e
        cd $WORKSPACE
        [ -e marker ] || { echo "not in the template folder but in $PWD"; exit 1; }
        echo "number ${BUILD_NUMBER:?} commit ${GIT_COMMIT:?} iso ${ISOS_URL:?} web ${WEB_SERVER:?}"
        truncate -s 1M "${AIBUILD_OUTPUT:-.}/image.img"

        """

    /// Registers, builds and returns the line that the script printed.
    private func line(
        _ farm: Farm, _ name: String, template: String
    ) async throws -> (said: String, plan: JSON?) {
        let registered = try await farm.api.send(
            "POST", "/api/v1/guestos",
            json: """
                {"name":"\(name)","type":"linux","baseISO":"http://isos/d.iso",\
                "template":\(template)}
                """)
        try #require(registered.status == 201, "\(FarmClient.text(registered))")
        let build = try await farm.api.end(of: try await farm.api.submit(name))
        let log = try await farm.api.log(build)
        try #require(build.state == "passed", "\(build) \(String(decoding: log, as: UTF8.self))")
        let lines = try log.split(separator: UInt8(ascii: "\n")).compactMap {
            try JSON(parsing: $0)["m"]?.text
        }
        let detail = try await farm.api.get("/api/v1/builds/\(build.id)")
        return (
            lines.first { $0.hasPrefix("number ") } ?? "", try JSON(parsing: detail.body)["plan"]
        )
    }

    @Test("A script gets what Jenkins gave it, with a template from a folder and from Git")
    func fromTemplateToHost() async throws {
        try await withFarm { farm in
            let folder = try farm.writeTemplate(
                "script", Self.yaml,
                files: ["builders/build_image.sh": Self.script, "marker": ""])
            try await farm.shell("chmod 644 \(folder)/builders/build_image.sh")
            let web = "web 127.0.0.1:\(farm.port)"
            let (said, plan) = try await line(
                farm, "folder", template: #"{"kind":"folder","path":"\#(folder)"}"#)
            let digest = plan?["template"]?["sha256"]?.text ?? "none"
            #expect(said == "number 1 commit \(digest) iso http://isos/d.iso \(web)")

            let repository = try await GitRepository(folder)
            let commit = try await repository.commit()
            #expect(commit.count == 40)
            let (second, _) = try await line(
                farm, "git", template: #"{"kind":"git","url":"\#(repository.url)"}"#)
            #expect(second == "number 1 commit \(commit) iso http://isos/d.iso \(web)")
        }
    }
}
