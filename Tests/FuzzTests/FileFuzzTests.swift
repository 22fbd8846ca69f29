import AgentCore
import BuildProtocol
@testable import CoordinatorAPI
@testable import CoordinatorAdapters
import CoordinatorCore
import HTTPTypes
import Templates
import Testing

/// What templates, images and requests bring along, changed at random.
@Suite struct FileFuzzTests {
    private static let template = """
        builder: command
        command: [./build.sh, "--size", "10"]
        variables: {greeting: hello, mirror: "http://mirror/x"}
        base_image: {url: "https://host/debian.qcow2", sha256: none}
        requirements: {vcpus: 2, memory: 2GiB, disk: 20GiB, accelerator: tcg, tags: [fast]}
        limits: {total: 2h, silence: 20m, log: 64MiB}
        concurrency: 3
        tests:
          boot: 5m
          cases:
            - {name: boots, kind: boot, times: 2}
            - {name: ssh, kind: script, script: tests/ssh.sh, limit: 90s}
        """

    @Test("No aibuild.yml traps the coordinator")
    func templates() throws {
        let seeds = [
            Self.template.split(separator: "tests:")[0].utf8, "template: packer.json\n"[...].utf8,
        ].map { Array($0) }
        let accepted = try FuzzRun().run(.template, seeds) { input in
            for (_, file) in try TemplateSet(input, file: "aibuild.yml").all {
                #expect(ByteBound.range.contains(file.requirements.diskBytes))
                _ = file.files
                _ = AttemptTimers(limits: file.limits, nowMilliseconds: 1_763_718_000_000)
            }
        }
        #expect(accepted > 100)
    }

    @Test("No header of an image traps the agent")
    func imageHeaders() throws {
        func header(_ values: [Int: [UInt8]]) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 4096)
            for (offset, value) in values {
                bytes.replaceSubrange(offset..<offset + value.count, with: value)
            }
            return bytes
        }
        let seeds = [
            header([0: [0x51, 0x46, 0x49, 0xFB], 24: [0, 0, 0, 0, 0x40, 0, 0, 0]]),
            header([0: Array("KDMV".utf8), 12: [0, 8, 0, 0, 0, 0, 0, 0]]),
            header([64: [0x7F, 0x10, 0xDA, 0xBE], 368: [0, 0, 0, 0x40, 0, 0, 0, 0]]),
            header([0: Array("conectix".utf8), 48: [0, 0, 0, 0, 0x40, 0, 0, 0]]),
            header([0: Array("vhdxfile".utf8)]), header([510: [0x55, 0xAA]]),
        ]
        try FuzzRun().run(.image, seeds) { input in
            var bytes = input
            // Numbers in these headers have all bits that a random byte gives them.
            for index in [12, 24, 48, 368] where index < bytes.count {
                bytes[index] = UInt8(truncatingIfNeeded: input.count &* 31 &+ index)
            }
            let found = ImageInspection(
                name: "disk", header: bytes, footer: Array(bytes.suffix(512)),
                sizeBytes: Int64(bytes.count))
            if let size = found.virtualSizeBytes { #expect(ByteBound.range.contains(size)) }
        }
    }

    @Test("No cursor and no byte range of a request traps the coordinator")
    func cursors() throws {
        let seeds = [
            "0123456789abcdef0123456789abcdef:42", "bytes=0-99", "bytes=100-", "bytes=-5",
        ].map { Array($0.utf8) }
        try FuzzRun().run(.cursor, seeds) { input in
            let text = String(decoding: input, as: UTF8.self)
            if let position = try? LogPosition.parse(text) {
                #expect(ByteBound.range.contains(position.cursor))
            }
            for size in [0, 1, 100, Int64.max] {
                if case .part(let part) = ByteRange.parse(text, sizeBytes: size) {
                    #expect(part.offset >= 0 && part.lengthBytes > 0)
                    _ = part.contentRange(sizeBytes: size)
                }
            }
        }
    }

    @Test("No body of a webhook, and no message, traps the coordinator")
    func webhooks() throws {
        let events: [(ReportKind, String)] = [
            (.gitlab, "Push Hook"), (.github, "push"), (.gitea, "pull_request"),
            (.bitbucket, "repo:push"), (.bitbucket, "repo:refs_changed"),
            (.bitbucket, "pr:opened"), (.signed, ""),
        ]
        let seeds = [
            """
            {"object_kind":"push","ref":"refs/heads/main","after":"0123456789abcdef",
            "project":{"path_with_namespace":"images/debian"},"commits":[{"id":"1"}],"total":4}
            """,
            #"{"object_kind":"tag_push","ref":"refs/tags/v1","after":"b","project":null}"#,
            """
            {"action":"opened","number":7,"pull_request":{"title":"t","head":{"sha":"ab",
            "repo":{"full_name":"a/b"}},"base":{"ref":"main","repo":null}},
            "repository":{"full_name":"a/b"}}
            """,
            """
            {"repository":{"full_name":"a/b"},"push":{"changes":[{"new":{"type":"tag",
            "name":"v1","target":{"hash":"ab"}}}]},"changes":[{"ref":{"id":"refs/heads/a"},
            "toHash":"ab","type":"UPDATE"}],"pullRequest":{"id":99999999999,"title":"t"}}
            """,
            #"{"id":"m-1","guestOS":"a","variables":{"b":"c"},"ref":"main","reason":"nightly"}"#,
        ].map { Array($0.utf8) }
        try FuzzRun().run(.webhook, seeds) { input in
            for (kind, event) in events {
                do throws(UnusedReport) { _ = try kind.reports(input, event: event) } catch {}
            }
            do throws(UnusedReport) {
                let request = try BuildRequest.read(
                    input, messageID: "m", correlationID: nil, replyTo: nil, user: nil)
                #expect(!request.id.isEmpty && !request.guestOS.isEmpty)
            } catch { #expect(!error.description.isEmpty) }
        }
    }
}
