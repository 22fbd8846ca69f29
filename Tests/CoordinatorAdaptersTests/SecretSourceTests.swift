import CoordinatorAdapters
import CoordinatorCore
import HTTPServerKit
import HTTPTypes
import Support
import Synchronization
import TestSupport
import Testing

/// Sources of secrets: what they give, and what they say when they cannot.
@Suite struct SecretSourceTests {
    private static let value = "hunter22-and-more"

    private func fault(_ source: any SecretSource) async -> String {
        do {
            _ = try await source.value()
            return "none"
        } catch {
            let text = error.description
            #expect(!text.contains("hunter"), "\(text)")
            return text
        }
    }

    @Test("A file is read anew each time, and its problems name it")
    func file() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/token"
        let source = FileSecret(path: path, guestOSes: ["*"])
        #expect(await fault(source).contains("\(path) cannot be read: "))
        for text in [Self.value, Self.value + "2\n"] {
            try Files.replace(path, with: Array(text.utf8), mode: 0o600)
            #expect(try await source.value().reveal == text)
        }
        for (bytes, why) in [
            (Array("hunt".utf8), "has 4 bytes"), (Array("hunter\0".utf8), "NUL byte"),
            ([0xFF] + Array("hunter22".utf8), "UTF-8"),
            ([UInt8](repeating: 0x68, count: 64 << 10 + 1), "cannot be read"),
        ] {
            try Files.replace(path, with: bytes, mode: 0o600)
            let text = await fault(source)
            #expect(text.contains(why) && text.contains(path), "\(text)")
        }
    }

    private func command(_ arguments: String...) -> CommandSecret {
        CommandSecret(arguments, timeoutSeconds: 1, guestOSes: ["*"])
    }

    @Test("A program's output is the secret; what it prints before it fails is not shown")
    func program() async throws {
        let good = command("/bin/echo", "$HOME hunter22")
        #expect(try await good.value().reveal == "$HOME hunter22\n", "no shell")
        #expect(good.place == "command /bin/echo")
        for (source, why) in [
            (command("/bin/sh", "-c", "echo hunter22; echo hunter22 >&2; exit 3"), "failed ("),
            (command("/bin/sleep", "60"), "within 1 s"), (command("/no/such"), "cannot be started"),
            (command("/usr/bin/head", "-c", "70000", "/dev/zero"), "65536 bytes"),
            (command("/bin/true"), "has 0 bytes"),
        ] {
            let text = await fault(source)
            #expect(text.contains(why) && text.contains(source.place), "\(text)")
        }
    }

    /// Answers like Vault's key-value engine, version 2.
    private final class FakeVault: Sendable {
        let requests = Mutex<[HTTPRequest]>([])
        let answer = Mutex<(status: Int, body: String)>((200, ""))

        func serve(_ body: (String) async throws -> Void) async throws {
            let server = HTTPServer(host: "127.0.0.1", port: 0) { request in
                self.requests.withLock { $0.append(request) }
                let (status, body) = self.answer.withLock(\.self)
                var headers: HTTPHeaders = ["Content-Type": "application/json"]
                if status == 307 { headers.set("Location", "/elsewhere") }
                return HTTPResponse(
                    status: status, headers: headers, body: .bytes(Array(body.utf8)))
            }
            try server.start()
            try await body("http://127.0.0.1:\(server.boundPort)")
            await server.stop()
        }
    }

    @Test("Vault is asked for the newest version, with the token of the moment")
    func vault() async throws {
        let folder = try TemporaryFolder()
        let tokenFile = folder.path + "/vault-token"
        let vault = FakeVault()
        try await vault.serve { address in
            let source = VaultSecret(
                VaultSettings(
                    address: address, mount: "team/kv", path: "images/registry a",
                    field: "password", tokenFile: tokenFile, namespace: "lab"), guestOSes: ["*"])
            #expect(
                source.place == "Vault \(address), team/kv/images/registry a, field password")
            #expect(await fault(source).contains(tokenFile))
            try Files.replace(tokenFile, with: Array("hvs.hunter\n".utf8), mode: 0o600)
            let good =
                #"{"data":{"data":{"password":"\#(Self.value)","n":1},"metadata":{"version":3}}}"#
            vault.answer.withLock { $0 = (200, good) }
            #expect(try await source.value().reveal == Self.value)
            let request = try #require(vault.requests.withLock(\.self).last)
            #expect(request.method == "GET")
            #expect(request.target == "/v1/team/kv/data/images/registry%20a")
            #expect(request.headers["X-Vault-Token"] == "hvs.hunter")
            #expect(request.headers["X-Vault-Namespace"] == "lab")

            for (status, body, why) in [
                (403, #"{"errors":["hunter22"]}"#, "refuses the token"),
                (404, #"{"data":{"data":null}}"#, "no such secret"), (503, "", "unseal it"),
                (307, "", "points elsewhere"), (500, "hunter22", "answered with 500"),
                (200, "hunter22", "key-value engine"),
                (200, #"{"data":{"data":{"other":"hunter22"}}}"#, "no text in this field"),
                (200, #"{"data":{"data":{"password":12345678}}}"#, "no text in this field"),
                (200, #"{"data":{"data":{"password":"hunt"}}}"#, "has 4 bytes"),
            ] {
                vault.answer.withLock { $0 = (status, body) }
                let text = await fault(source)
                #expect(text.contains(why) && text.contains(address), "\(text)")
            }
            let paths = vault.requests.withLock { Set($0.map(\.path)) }
            #expect(paths.count == 1, "no redirect was followed")
        }
        let gone = VaultSecret(
            VaultSettings(
                address: "http://127.0.0.1:1", mount: "secret", path: "a", field: "b",
                tokenFile: tokenFile), guestOSes: ["*"])
        #expect(await fault(gone).contains("Check address and ca_file"))
    }
}
