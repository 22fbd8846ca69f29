import CoordinatorAdapters
import CoordinatorCore
import HTTPServerKit
import HTTPTypes
import Support
import Synchronization
import TestSupport
import Testing

/// Lists of profiles on a real web server, also one that lies, hangs or floods.
@Suite(.timeLimit(.minutes(2))) struct ProfileTests {
    private final class Site: Sendable {
        let files = Mutex<[String: [UInt8]]>([:])

        func put(_ name: String, _ text: String) { put(name, Array(text.utf8)) }
        func put(_ name: String, _ bytes: [UInt8]) { files.withLock { $0[name] = bytes } }
    }

    /// Runs `body` with a server below `/profiles/`, and the list on it.
    private func withSite(
        match: String = "", stallSeconds: Double = 20, hangsAt hanging: String? = nil,
        _ body: (Site, HTTPProfiles, TemporaryFolder) async throws -> Void
    ) async throws {
        let site = Site()
        let gate = AsyncStream.makeStream(of: Void.self)
        let server = HTTPServer(host: "127.0.0.1", port: 0) { request in
            let name = String(request.path.dropFirst("/profiles/".count))
            if name == hanging {
                for await _ in gate.stream {}
            }
            guard let bytes = site.files.withLock({ $0[name] }) else {
                return HTTPResponse(status: 404)
            }
            return HTTPResponse(body: .bytes(bytes))
        }
        try server.start()
        let folder = try TemporaryFolder()
        let base = "http://127.0.0.1:\(server.boundPort)/profiles"
        let profiles = HTTPProfiles(
            HTTPProfiles.Settings(
                url: base + "/profiles-info.xml", folderURL: base, match: match, everySeconds: 60,
                buildsAtFirst: false, templateMap: folder.path + "/map.json",
                sourceImages: folder.path + "/images.json", metadata: ProfileMetadata.usual),
            memoryPath: folder.path + "/profiles.json", stallSeconds: stallSeconds)
        let result: Result<Void, any Error>
        do { result = .success(try await body(site, profiles, folder)) } catch {
            result = .failure(error)
        }
        gate.continuation.finish()
        await server.stop()
        try result.get()
    }

    private static let json = #"""
        {"metadata": {"template": {"branch": {"name": "prod", "type": "domain"}}},
         "system": {"personality": {"name": "nubesvms"}, "archetype": {"name": "ral-tier1"},
          "network": {"hostname": "image-sl7"},
          "os": {"architecture": "x86_64", "distribution": {"name": "sl"},
                 "version": {"name": "7x"}}}}
        """#
    private static let xml = """
        <?xml version="1.0" encoding="UTF-8"?>
        <nlist format="pan" name="profile">
          <nlist name="metadata"><nlist name="template"><nlist name="branch">
            <string name="name">prod</string><string name="type">domain</string>
          </nlist></nlist></nlist>
          <nlist name="system">
            <nlist name="personality"><string name="name">nubesvms</string></nlist>
            <nlist name="archetype"><string name="name">ral-tier1</string></nlist>
            <nlist name="network"><string name="hostname">
              image-sl7
            </string></nlist>
            <nlist name="os">
              <nlist name="distribution"><string name="name">sl</string></nlist>
              <nlist name="version"><string name="name">7x</string></nlist>
              <string name="architecture">x86_64</string>
            </nlist>
            <list name="filesystems"><string>name</string></list>
          </nlist>
        </nlist>
        """

    @Test("The list is read by elements; a part of the name selects, and mtime tells changes")
    func entries() async throws {
        try await withSite(match: ".cloud.template.json") { site, profiles, _ in
            site.put(
                "profiles-info.xml",
                """
                <?xml version='1.0' encoding='utf-8'?>
                <profiles><!-- a & b -->
                  <profile mtime="14" size="2">a.cloud.template.json</profile><profile
                    mtime="15">b.example.org.json</profile>
                  <profile>
                    c&amp;d.cloud.template.json
                  </profile>
                  <other><profile mtime="1">nested.cloud.template.json</profile></other>
                  <profile/>
                </profiles>
                """)
            let entries = try await profiles.entries()
            #expect(
                entries == [
                    "a.cloud.template.json": "mtime=14 size=2", "c&d.cloud.template.json": "",
                ])
            let fault = await #expect(throws: ProfileFault.self) {
                _ = try await profiles.document("c&d.cloud.template.json")
            }
            #expect(fault?.description.hasPrefix("the name is refused") == true)
            let long = String(repeating: "a", count: 256)
            site.put("profiles-info.xml", "<l><p>\(long).cloud.template.json</p></l>")
            let refused = await #expect(throws: ProfileFault.self) {
                _ = try await profiles.entries()
            }
            #expect(refused?.description.contains("a name of more than 255 bytes") == true)
        }
    }

    @Test("A profile is read from JSON and from XML alike", arguments: [json, xml])
    func documents(text: String) async throws {
        try await withSite { site, profiles, _ in
            site.put("h.json", text)
            let document = try await profiles.document("h.json")
            let profile = try document.profile.get()
            #expect(
                profile
                    == ImageProfile(
                        personality: "nubesvms", os: "sl", version: "7x", architecture: "x86_64",
                        hostname: "image-sl7", archetype: "ral-tier1", domain: "prod"))
            site.put("h.json", text + " ")
            #expect(try await profiles.document("h.json").mark != document.mark)
        }
    }

    private static let bomb = """
        <!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">\((0..<9).map { number in
            "<!ENTITY \("a" + String(repeating: "b", count: number + 1)) \""
                + String(repeating: "&a\(String(repeating: "b", count: number));", count: 10)
                + "\">"
        }.joined())]><l><p>&abbbbbbbbb;</p></l>
        """

    @Test(
        "Broken profiles are told apart from changed ones",
        arguments: [
            ("{\"system\": ", "it is neither a JSON object nor XML"),
            ("[]", "it is neither a JSON object nor XML"),
            ("", "it is neither a JSON object nor XML"),
            (String(repeating: "[", count: 1 << 20), "it is neither a JSON object nor XML"),
            (#"{"system": {"personality": {"name": 7}}}"#, "it has no system/personality/name"),
            ("<nlist><nlist name=\"system\">", "it is not well-formed XML, at line 1"),
            (
                String(repeating: "<a>", count: 1000) + String(repeating: "</a>", count: 1000),
                "it is nested more than 64 levels deep"
            ),
            // The parser may notice by itself, before it tells of the declaration.
            (bomb, "it "),
            (
                "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
                "it has a document type declaration or entities of its own"
            ),
        ])
    func broken(text: String, reason: String) async throws {
        try await withSite { site, profiles, _ in
            site.put("h", text)
            site.put("profiles-info.xml", text)
            let document = try await profiles.document("h")
            let fault = #expect(throws: ProfileFault.self) { _ = try document.profile.get() }
            #expect(fault?.description.hasPrefix(reason) == true, "\(fault as Any)")
            // Not a list either.
            if text.hasPrefix("<") {
                await #expect(throws: ProfileFault.self) { _ = try await profiles.entries() }
            }
        }
    }

    @Test("A list of 100 MB is refused, and its bytes are not kept") func flood() async throws {
        try await withSite { site, profiles, _ in
            let entry = Array("<profile mtime=\"1\">host.example.org.json</profile>\n".utf8)
            var list = Array("<profiles>".utf8)
            list.reserveCapacity(101 << 20)
            while list.count < 100 << 20 { list += entry }
            site.put("profiles-info.xml", list + Array("</profiles>".utf8))
            let fault = await #expect(throws: ProfileFault.self) { try await profiles.entries() }
            #expect(fault?.isPermanent == true)
            #expect(fault?.description.contains("16") == true, "\(fault as Any)")
        }
    }

    @Test("A server that hangs, or is not there, is said after a time") func hangs() async throws {
        try await withSite(stallSeconds: 1, hangsAt: "profiles-info.xml") { site, profiles, _ in
            site.put("h", Self.json)
            let fault = await #expect(throws: ProfileFault.self) { try await profiles.entries() }
            #expect(fault?.code == .unavailable, "\(fault as Any)")
            _ = try await profiles.document("h")
            let gone = await #expect(throws: ProfileFault.self) {
                _ = try await profiles.document("none")
            }
            #expect(
                gone?.description == "cannot read the profile: the server responded with 404")
        }
    }

    @Test("What was seen is kept in a file; a damaged one is said, and not begun anew")
    func memory() async throws {
        try await withSite { _, profiles, folder in
            #expect(try profiles.memory() == nil)
            var memory = ProfileMemory(selection: profiles.selection)
            memory.profiles["a"] = .init(entry: "mtime=1", mark: "x", changedMilliseconds: 7)
            try profiles.remember(memory)
            #expect(try profiles.memory() == memory)
            try Files.replace(folder.path + "/profiles.json", with: Array("{".utf8))
            #expect(throws: ProfileFault.self) { _ = try profiles.memory() }
        }
    }

    @Test("Packuilon's map and source images are read as they are, at each look")
    func files() async throws {
        try await withSite { _, profiles, folder in
            #expect(throws: ProfileFault.self) { _ = try profiles.map() }
            let map = #"{"DEFAULT": ["/etc/packer-utils/templates/managed.json"]}"#
            try Files.replace(folder.path + "/map.json", with: Array(map.utf8))
            for (images, id) in [
                (#"{"sl7x-x86_64": "one"}"#, "one"), (#"{"sl": {"7x-x86_64": "two"}}"#, "two"),
            ] {
                try Files.replace(folder.path + "/images.json", with: Array(images.utf8))
                let builds = try profiles.map().builds(
                    of: ImageProfile(
                        personality: "p", os: "sl", version: "7x", architecture: "x86_64"))
                #expect(builds.guestOSes == ["managed"] && builds.variables["IMAGE"] == id)
                #expect(builds.variables["NAME"] == "p-sl7x-x86_64")
            }
        }
    }
}
