import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing
import TextKit

/// Digests of base images that are read from their publishers' checksum files.
@Suite struct ChecksumTests {
    private static let sha256 = String(repeating: "3f", count: 32)
    private static let other = String(repeating: "0a", count: 32)
    private static let sha512 = String(repeating: "5c", count: 64)

    /// Runs `body` with the address of a mirror that has these files.
    private func withMirror<Value>(
        _ files: [String: [UInt8]], _ body: (String) async throws -> Value
    ) async throws -> Value {
        let server = HTTPServer(host: "127.0.0.1", port: 0) { request in
            guard let bytes = files[String(request.path.dropFirst())] else {
                return HTTPResponse(status: 404)
            }
            return HTTPResponse(body: .bytes(bytes))
        }
        try server.start()
        let value = try await body("http://127.0.0.1:\(server.boundPort)")
        await server.stop()
        return value
    }

    /// The base image of a template, as it is when a build is submitted.
    private func image(
        _ files: [String: [UInt8]], key: [UInt8]? = nil, networks: [String] = ["127.0.0.0/8"],
        access: @escaping (String) -> GitAccess = { _ in GitAccess() }, _ yaml: (String) -> String
    ) async throws -> BaseImage? {
        try await withMirror(files) { mirror in
            let temporary = try TemporaryFolder()
            let template = temporary.path + "/template"
            try Files.makeFolder(template)
            let text = "builder: command\ncommand: [\"true\"]\nbase_image: {\(yaml(mirror))}\n"
            try Files.replace(template + "/aibuild.yml", with: Array(text.utf8))
            if let key { try Files.replace(template + "/key.asc", with: key) }
            let archives = try TemplateArchives(
                folder: temporary.path + "/archives",
                checksums: ChecksumReader(
                    networks: networks.compactMap { IPv4Network($0) }, access: access(mirror)))
            let guestOS = GuestOS(
                id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
                template: .folder(path: template), owner: "o", createdMilliseconds: 0)
            return try await archives.plan(for: guestOS).recipe.baseImage
        }
    }

    private func fault(
        _ files: [String: [UInt8]], key: [UInt8]? = nil, networks: [String] = ["127.0.0.0/8"],
        _ yaml: (String) -> String
    ) async -> TemplateFault? {
        await #expect(throws: TemplateFault.self) {
            _ = try await image(files, key: key, networks: networks, yaml)
        }
    }

    @Test(
        "The digest of the image's file is taken from a checksum file of any usual form",
        arguments: [
            "\(sha256)  debian 12.qcow2\n\(other)  debian 12.qcow2.sig\n",
            "\(other) *a.qcow2\r\n\(sha256.uppercased()) *debian 12.qcow2\r\n",
            "# CHECKSUM\n# debian 12.qcow2: 9 bytes\nSHA256 (debian 12.qcow2) = \(sha256)\n",
            "\(other)  ./x/a.raw\n\(sha256)  ./x/debian 12.qcow2\n", "\(sha256)\n", "  \(sha256)",
        ])
    func forms(list: String) async throws {
        let found = try await image(["SHA256SUMS": Array(list.utf8)]) {
            "url: '\($0)/current/debian%2012.qcow2?x=1', sha256_url: '\($0)/SHA256SUMS'"
        }
        #expect(found?.sha256 == Self.sha256)
        #expect(found?.sha512 == nil)
        #expect(found?.checksumURL?.hasSuffix("/SHA256SUMS") == true)
    }

    @Test("SHA-512 and Packer's way of naming a checksum file are taken")
    func otherKeys() async throws {
        let files = ["S": Array("\(Self.sha512)  a.qcow2\n".utf8)]
        for key in ["sha512_url: '@/S'", "sha512: 'file:@/S'"] {
            let found = try await image(files) {
                "url: '\($0)/a.qcow2', \(key.replacing("@", with: $0))"
            }
            #expect(found?.sha512 == Self.sha512 && found?.sha256 == nil)
        }
        let list = ["S": Array("\(Self.sha256)  a.qcow2\n".utf8)]
        let short = try await image(list) { "url: '\($0)/a.qcow2', sha256: 'file:\($0)/S'" }
        #expect(short?.sha256 == Self.sha256 && short?.sha512 == nil)
        let fixed = try await image([:]) { _ in
            "url: 'file:///srv/a.qcow2', sha512: \(Self.sha512)"
        }
        #expect(fixed == BaseImage(url: "file:///srv/a.qcow2", sha256: nil, sha512: Self.sha512))
    }

    @Test(
        "A checksum file that does not decide is refused, and its content is named",
        arguments: [
            ("\(other)  b.qcow2\n", "it has 'b.qcow2'"),
            ("\(other)  a.qcow2\n\(sha256)  x/a.qcow2\n", "no single SHA-256"),
            ("\(sha512)  a.qcow2\n", "no SHA-256 digests"), ("<html>404</html>", "no SHA-256"),
        ])
    func undecided(list: String, words: String) async {
        let fault = await fault(["S": Array(list.utf8)]) {
            "url: '\($0)/a.qcow2', sha256_url: '\($0)/S'"
        }
        #expect(fault?.description.contains(words) == true, "\(fault?.description ?? "")")
        #expect(fault?.code == .usual)
    }

    @Test("A checksum file that is not there is the template's fault, a server's refusal is not")
    func unreachable() async {
        let missing = await fault([:]) { "url: '\($0)/a.qcow2', sha256_url: '\($0)/S'" }
        #expect(missing?.code == .usual, "\(missing?.description ?? "")")
        let down = await fault([:]) { _ in
            "url: 'http://x/a.qcow2', sha256_url: 'http://127.0.0.1:1/S'"
        }
        #expect(down?.code == .unavailable, "\(down?.description ?? "")")
    }

    @Test("A checksum file is not read from this machine, nor by a redirect to it")
    func closedAddresses() async {
        let list = ["S": Array("\(Self.sha256)  a.qcow2\n".utf8)]
        let closed = await fault(list, networks: []) {
            "url: '\($0)/a.qcow2', sha256_url: '\($0)/S'"
        }
        #expect(closed?.description.contains("base_image_networks in coordinator.yml") == true)
        for url in ["http://169.254.169.254/S", "http://0.0.0.0:9/S", "http://localhost:9/S"] {
            let fault = await fault(list, networks: []) { _ in
                "url: 'http://x/a.qcow2', sha256_url: '\(url)'"
            }
            #expect(fault?.description.contains("which is closed") == true, "\(url)")
        }
        let local = await fault(list) { _ in
            "url: 'http://x/a.qcow2', sha256_url: 'file:///etc/passwd'"
        }
        #expect(local?.description.contains("expected an http or https URL") == true)
    }

    @Test("A checksum file is fetched through the proxy, and nothing that is closed is")
    func proxies() async throws {
        let files = ["S": Array("\(Self.sha256)  a.qcow2\n".utf8)]
        let line = { (url: String) in "url: 'http://x/a.qcow2', sha256_url: '\(url)'" }
        let configured = { (mirror: String) in
            var access = GitAccess()
            access.inherited = ["http_proxy": "http://127.0.0.1:1"]
            access.proxy = mirror
            access.noProxy = ["direct.invalid"]
            return access
        }
        let inherited = { (mirror: String) in
            var access = GitAccess()
            access.inherited = ["http_proxy": mirror]
            return access
        }
        // The proxy is on this machine, whose own addresses are closed.
        for access in [configured, inherited] {
            let found = try await image(files, networks: [], access: access) { _ in
                line("http://mirror.invalid/S")
            }
            #expect(found?.sha256 == Self.sha256)
            for url in ["http://169.254.169.254/S", "http://127.0.0.1:9/S"] {
                let fault = await #expect(throws: TemplateFault.self) {
                    _ = try await image(files, networks: [], access: access) { _ in line(url) }
                }
                #expect(fault?.description.contains("which is closed") == true, "\(url)")
            }
        }
        let direct = await #expect(throws: TemplateFault.self) {
            _ = try await image(files, networks: [], access: configured) { _ in
                line("http://direct.invalid/S")
            }
        }
        #expect(direct?.description.contains("direct.invalid") == true)
    }

    @Test("A signature by the key of the template is checked, detached or within the file")
    func signatures() async throws {
        let keys = try await SigningKeys()
        let list = Array("\(Self.sha256)  a.qcow2\n".utf8)
        let files = [
            "S": list, "S.gpg": try await keys.sign(list, ["--detach-sign"]),
            "S.asc": try await keys.sign(list, ["--armor", "--detach-sign"]),
            "C": try await keys.sign(list, ["--clearsign"]),
            "changed": Array("\(Self.other)  a.qcow2\n".utf8),
        ]
        for key in [keys.armored, keys.binary] {
            for (sums, signature) in [
                ("S", ", signature_url: '@/S.gpg'"), ("S", ", signature_url: '@/S.asc'"), ("C", ""),
            ] {
                let found = try await image(files, key: key) { mirror in
                    "url: '\(mirror)/a.qcow2', sha256_url: '\(mirror)/\(sums)', "
                        + "signature_key: key.asc" + signature.replacing("@", with: mirror)
                }
                #expect(found?.sha256 == Self.sha256)
            }
        }
        for (sums, signature) in [("changed", ", signature_url: '@/S.gpg'"), ("S", "")] {
            let fault = await fault(files, key: keys.armored) { mirror in
                "url: '\(mirror)/a.qcow2', sha256_url: '\(mirror)/\(sums)', "
                    + "signature_key: key.asc" + signature.replacing("@", with: mirror)
            }
            #expect(fault?.description.contains("is not signed by a key") == true)
        }
    }

    @Test(
        "A mistake in base_image is reported",
        arguments: [
            ("sha256: none, sha512: x", "expected one of sha256, sha512, sha256_url"),
            ("sha512: none", "128 hexadecimal digits"), ("sha256: abc", "64 hexadecimal digits"),
            ("sha256_url: S", "expected an http or https URL"),
            ("sha256: none, signature_key: key.asc", "only used with sha256_url"),
            ("sha256_url: 'http://x/S', signature_url: 'http://x/S.gpg'", "needs signature_key"),
            ("sha256_url: 'http://x/S', signature_key: no.asc", "'no.asc', which is not in"),
            ("sha256_uri: 'http://x/S'", "sha256"),
        ])
    func mistakes(yaml: String, words: String) async {
        let fault = await fault([:], key: [1]) { _ in "url: 'http://x/a.qcow2', \(yaml)" }
        #expect(fault?.description.contains(words) == true, "\(fault?.description ?? "")")
    }
}

/// A key pair of GnuPG.
private struct SigningKeys {
    let armored: [UInt8]
    let binary: [UInt8]
    private let folder: TemporaryFolder

    init() async throws {
        folder = try TemporaryFolder()
        _ = try await Self.gpg(
            ["--quick-gen-key", "--passphrase", "", "publisher@example.org", "default", "default"],
            folder.path)
        armored = try await Self.gpg(["--armor", "--export"], folder.path)
        binary = try await Self.gpg(["--export"], folder.path)
    }

    func sign(_ text: [UInt8], _ arguments: [String]) async throws -> [UInt8] {
        try await Self.gpg(arguments, folder.path, text)
    }

    private static func gpg(
        _ arguments: [String], _ home: String, _ input: [UInt8] = []
    ) async throws -> [UInt8] {
        let output = try await Command(
            ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback"]
                + arguments, environment: Command.minimalEnvironment
        ).run(stdin: input, timeoutSeconds: 300)
        guard output.status.isSuccess else { throw Failure("gpg: \(output.stderrText)") }
        return output.stdout
    }
}
