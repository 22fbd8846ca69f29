import CoordinatorAdapters
import CoordinatorCore
import HTTPServerKit
import HTTPTypes
import Support
import Synchronization
import Templates
import TestSupport
import Testing
import TextKit
import YAMLKit

/// The keys of aibuild.yml about times, parents and base images, and how those are looked at.
@Suite struct TriggerKeyTests {
    private func plan(_ text: String) throws -> TriggerPlan {
        let yaml = "builder: command\ncommand: [./b]\n" + text
        let set = try TemplateSet(Array(yaml.utf8), file: "aibuild.yml")
        guard case .one(let file) = set else { return TriggerPlan() }
        return file.triggers.timed
    }

    @Test("All keys are read, in their short form and in full")
    func keys() throws {
        var plan = try plan("schedule: 0 3 * * 1\n")
        #expect(plan.schedule == .init(cron: "0 3 * * 1"))
        plan = try self.plan(
            """
            schedule: {cron: "@daily", time_zone: Europe/Berlin, jitter: 30m}
            triggers: {parent: base, max_age: 7d}
            """)
        #expect(
            plan.schedule
                == .init(cron: "@daily", timeZone: "Europe/Berlin", jitterSeconds: 1800))
        #expect(plan.parents == ["base"] && plan.maxAgeSeconds == 7 * 86_400)
        plan = try self.plan(
            """
            base_image: {url: "http://x/a.qcow2", sha512_url: "http://x/SUMS"}
            triggers: {parent: [a, b], base_image: true}
            """)
        #expect(plan.parents == ["a", "b"])
        #expect(
            plan.baseImage
                == .init(
                    url: "http://x/a.qcow2", checksumURL: "http://x/SUMS", algorithm: "sha512",
                    everySeconds: 6 * 3600))
        plan = try self.plan(
            """
            base_image: {url: "http://x/a.qcow2", sha256: none}
            triggers: {base_image: {every: 10m}}
            """)
        #expect(plan.baseImage == .init(url: "http://x/a.qcow2", everySeconds: 600))
        #expect(try self.plan("triggers: {base_image: false}\n").isEmpty)
    }

    @Test(
        "What cannot work is refused with a sentence",
        arguments: [
            ("triggers: {variables: {tag: {a: b}}}", "tags"),
            ("triggers: {variables: {tags: {'a b': c}}}", "name of the variable"),
            ("schedule: 0 0 30 2 *", "never comes"), ("schedule: {jitter: 5m}", "cron"),
            ("schedule: {cron: '@daily', time_zone: ../x}", "is not the name of a time zone"),
            ("schedule: {cron: '@daily', jitter: 2d}", "expected 0s to 24h"),
            ("triggers: {parent: [a, a]}", "each once"), ("triggers: {max_age: 5m}", "1h to 3650d"),
            ("triggers: {base_image: true}", "needs base_image"),
            ("triggers: {base_image: {every: 1m}}", "expected 10m to 30d"),
            (
                "base_image: {url: 'http://x/a', sha256: \(String(repeating: "a", count: 64))}\n"
                    + "triggers: {base_image: true}", "is fixed"
            ),
            (
                "base_image: {url: 'file:///a', sha256: none}\ntriggers: {base_image: true}",
                "a file of the hosts"
            ),
        ])
    func refused(text: String, expected: String) {
        let error = #expect(throws: YAMLError.self) { try plan(text + "\n") }
        #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
    }

    // MARK: Base images

    /// A mirror whose answers a test changes. It counts the bodies that were asked for.
    private final class Mirror: Sendable {
        let headers = Mutex<HTTPHeaders>([:])
        let list = Mutex("")
        let methods = Mutex<[String]>([])
    }

    private func withMirror(
        networks: [String] = ["127.0.0.0/8"],
        _ body: (Mirror, String, TemplateArchives) async throws -> Void
    ) async throws {
        let mirror = Mirror()
        let server = HTTPServer(host: "127.0.0.1", port: 0) { request in
            mirror.methods.withLock { $0.append(request.method) }
            if request.path == "/SUMS" {
                return HTTPResponse(body: .bytes(Array(mirror.list.withLock(\.self).utf8)))
            }
            guard request.path == "/a.qcow2" else { return HTTPResponse(status: 404) }
            return HTTPResponse(headers: mirror.headers.withLock(\.self), body: .bytes([1]))
        }
        try server.start()
        let temporary = try TemporaryFolder()
        let archives = try TemplateArchives(
            folder: temporary.path,
            checksums: ChecksumReader(networks: networks.compactMap { IPv4Network($0) }))
        try await body(mirror, "http://127.0.0.1:\(server.boundPort)", archives)
        await server.stop()
    }

    @Test("A base image has changed when its ETag, its date or its digest has")
    func marks() async throws {
        try await withMirror { mirror, url, archives in
            func mark(_ checksums: Bool = false) async throws -> String {
                try await archives.mark(
                    of: .baseImage(
                        .init(
                            url: url + "/a.qcow2", checksumURL: checksums ? url + "/SUMS" : nil,
                            everySeconds: 600)))
            }
            mirror.headers.withLock { $0 = ["ETag": "\"1\"", "Last-Modified": "Monday"] }
            let first = try await mark()
            #expect(try await mark() == first)
            mirror.headers.withLock { $0 = ["ETag": "\"2\"", "Last-Modified": "Monday"] }
            #expect(try await mark() != first)
            mirror.headers.withLock { $0 = ["Last-Modified": "Monday"] }
            let monday = try await mark()
            mirror.headers.withLock { $0 = ["Last-Modified": "Tuesday"] }
            #expect(try await mark() != monday)
            let methods = mirror.methods.withLock(\.self)
            #expect(methods.allSatisfy { $0 == "HEAD" }, "no body is sent")
            mirror.headers.withLock { $0 = [:] }
            let silent = await #expect(throws: TemplateFault.self) { _ = try await mark() }
            #expect(silent?.description.contains("neither ETag nor") == true)
            let digests = ["a", "b"].map { String(repeating: $0, count: 64) }
            mirror.list.withLock { $0 = "\(digests[0])  a.qcow2\n\(digests[1])  other\n" }
            #expect(try await mark(true) == "sha256 \(digests[0])")
            mirror.list.withLock { $0 = "\(digests[1])  a.qcow2\n" }
            #expect(try await mark(true) == "sha256 \(digests[1])")
        }
    }

    @Test("A base image is not looked at on this machine itself")
    func closed() async throws {
        try await withMirror(networks: []) { mirror, url, archives in
            for watch in [
                TriggerPlan.BaseImageWatch(url: url + "/a.qcow2", everySeconds: 600),
                .init(url: url + "/a.qcow2", checksumURL: url + "/SUMS", everySeconds: 600),
            ] {
                let fault = await #expect(throws: TemplateFault.self) {
                    _ = try await archives.mark(of: .baseImage(watch))
                }
                #expect(fault?.description.contains("base_image_networks") == true)
            }
            let methods = mirror.methods.withLock(\.self)
            #expect(methods.isEmpty)
        }
    }
}
