import CoordinatorAdapters
import CoordinatorCore
import FoundationEssentials
import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

/// A template behind HTTP basic authentication, fetched by a real Git.
@Suite("Git credentials", .timeLimit(.minutes(2))) struct GitCredentialTests {
    private static let secret = "s3cret-of-this-test"

    private let temporary: TemporaryFolder
    private let archives: TemplateArchives

    init() throws {
        temporary = try TemporaryFolder()
        archives = try TemplateArchives(folder: temporary.path + "/archives")
    }

    @Test("A credential in the URL reaches the server, and no command line")
    func usesTheCredential() async throws {
        try await withServer { server, authority in
            let template = source("http://bob:\(Self.secret)@\(authority)/a.git")
            let plan = try await archives.plan(for: template)
            #expect(plan.commit?.count == 40)
            let seen = server.commandLines.withLock(\.self)
            // Recorded while Git waited for the server, so that its own processes are among them.
            #expect(seen.contains { $0.contains("http://\(authority)/a.git") })
            #expect(!seen.contains { $0.contains(Self.secret) })
        }
    }

    @Test("Git finds a credential in the .netrc file of the archives' folder")
    func usesTheNetrc() async throws {
        try await withServer { _, authority in
            let host = authority.prefix { $0 != ":" }
            try Files.replace(
                temporary.path + "/archives/.netrc",
                with: Array("machine \(host) login bob password \(Self.secret)\n".utf8))
            #expect(try await archives.plan(for: source("http://\(authority)/a.git")).commit != nil)
        }
    }

    @Test("An error of Git does not contain the credential", arguments: ["wrong", nil])
    func hidesTheCredential(password: String?) async throws {
        try await withServer { _, authority in
            // A wrong password, and the right one for a repository or branch that does not exist.
            let login = "bob:\(password.map { "\(Self.secret)-\($0)" } ?? Self.secret)"
            for (path, ref) in [("a.git", "nowhere"), ("nothing.git", "main")] {
                let template = source("http://\(login)@\(authority)/\(path)", ref: ref)
                let fault = await #expect(throws: TemplateFault.self) {
                    _ = try await archives.plan(for: template)
                }
                let text = try #require(fault).description
                #expect(text.contains("http://\(authority)/\(path)"), "\(text)")
                #expect(!text.contains(Self.secret), "\(text)")
            }
        }
    }

    @Test("The GitLab token reaches projects of that server, and no command line or other server")
    func usesTheGitLabToken() async throws {
        try await withServer(login: "oauth2:\(Self.secret)") { server, authority in
            var access = GitAccess()
            access.gitLab = (GitAddress("http://\(authority)/"), Self.secret)
            let archives = try TemplateArchives(folder: temporary.path + "/gitlab", access: access)
            #expect(try await archives.plan(for: source("http://\(authority)/a.git")).commit != nil)
            #expect(!server.commandLines.withLock { $0.contains { $0.contains(Self.secret) } })

            access.gitLab = (GitAddress("http://\(authority)/gitlab"), Self.secret)
            let other = try TemplateArchives(folder: temporary.path + "/other", access: access)
            let fault = await #expect(throws: TemplateFault.self) {
                _ = try await other.plan(for: source("http://\(authority)/a.git"))
            }
            let text = try #require(fault).description
            #expect(text.contains("Private repositories in docs/templates.md"), "\(text)")
            #expect(!text.contains(Self.secret))
        }
    }

    private final class Kept: SecretSource {
        let guestOSes: [String] = []
        let place = "secret git-token of the coordinator"
        let text: Mutex<String>

        init(text: consuming Mutex<String>) { self.text = text }

        func value() async throws(SecretFault) -> Secret {
            let text = text.withLock(\.self)
            if text.isEmpty { throw SecretFault("the \(place) is away") }
            return Secret(text)
        }
    }

    @Test("A login that is a secret reaches its part of the server, and is read anew each time")
    func usesTheSecret() async throws {
        try await withServer { server, authority in
            let kept = Kept(text: Mutex(Self.secret + "\n"))
            let other = Kept(text: Mutex("another-secret"))
            func login(_ path: String, _ name: String, _ secret: any SecretSource) -> GitLogin {
                GitLogin(
                    address: GitAddress("http://\(authority)\(path)"), user: "bob", name: name,
                    secret: secret)
            }
            var access = GitAccess()
            access.logins = [login("", "all", other), login("/a.git", "images", kept)]
            let archives = try TemplateArchives(folder: temporary.path + "/kept", access: access)
            let template = source("http://\(authority)/a.git/")
            #expect(try await archives.plan(for: template).commit != nil)
            #expect(!server.commandLines.withLock { $0.contains { $0.contains(Self.secret) } })
            for (value, words) in [
                ("expired-token", "The server refuses git.logins.images of coordinator.yml"),
                ("", "git.logins.images: the secret git-token of the coordinator is away"),
            ] {
                kept.text.withLock { $0 = value }
                let fault = await #expect(throws: TemplateFault.self) {
                    _ = try await archives.plan(for: template)
                }
                let text = fault?.description ?? ""
                #expect(text.contains(words), "\(text)")
                #expect(!text.contains("expired-token"))
            }
        }
    }

    /// What answers there may belong to somebody else.
    @Test("The GitLab token follows no redirect to another port of the same host")
    func redirectedToken() async throws {
        let seen = Mutex<[String?]>([])
        let other = HTTPServer(host: "127.0.0.1", port: 0) { request in
            seen.withLock { $0.append(request.headers["Authorization"]) }
            return Problem.unauthorized("who?", challenge: "Basic realm=\"test\"").response
        }
        try other.start()
        let target = "http://127.0.0.1:\(other.boundPort)"
        let gitLab = HTTPServer(host: "127.0.0.1", port: 0) { request in
            HTTPResponse(status: 302, headers: ["Location": target + request.target])
        }
        try gitLab.start()
        let own = "http://127.0.0.1:\(gitLab.boundPort)"
        var access = GitAccess()
        access.gitLab = (GitAddress(own), Self.secret)
        let archives = try TemplateArchives(folder: temporary.path + "/gitlab", access: access)
        let fault = await #expect(throws: TemplateFault.self) {
            _ = try await archives.plan(for: source(own + "/a.git"))
        }
        #expect(fault?.description.contains(Self.secret) == false)
        let logins = seen.withLock(\.self)
        #expect(!logins.isEmpty, "Git follows the redirect")
        #expect(logins.allSatisfy { $0 == nil }, "\(logins)")
        await gitLab.stop()
        await other.stop()
    }

    @Test("A token that GitLab refuses is reported with the scope and the role that it needs")
    func refusedToken() async throws {
        try await withServer(login: "oauth2:\(Self.secret)") { _, authority in
            var access = GitAccess()
            access.gitLab = (GitAddress("http://\(authority)"), "an-expired-token")
            let archives = try TemplateArchives(folder: temporary.path + "/gitlab", access: access)
            let fault = await #expect(throws: TemplateFault.self) {
                _ = try await archives.plan(for: source("http://\(authority)/a.git"))
            }
            let text = try #require(fault).description
            #expect(text.contains("read_repository") && text.contains("Reporter"), "\(text)")
            #expect(!text.contains("an-expired-token"))
        }
    }

    @Test("A login of .netrc that the server refuses is named, not taken for none")
    func refusedLogin() async throws {
        try await withServer(login: "bob:\(Self.secret)") { _, authority in
            let folder = temporary.path + "/netrc"
            let archives = try TemplateArchives(folder: folder)
            let url = "http://\(authority)/a.git"
            let none = await #expect(throws: TemplateFault.self) {
                _ = try await archives.plan(for: source(url))
            }
            #expect(none?.description.contains("Give the coordinator access") == true)
            let host = authority.split(separator: ":")[0]
            let login = "machine \(host)\n  login bob\n  password expired\n"
            try Files.replace(folder + "/.netrc", with: Array(login.utf8), mode: 0o600)
            let fault = await #expect(throws: TemplateFault.self) {
                _ = try await archives.plan(for: source(url))
            }
            let text = try #require(fault).description
            #expect(text.contains("refuses the login that .netrc"), "\(text)")
            #expect(!text.contains("expired\n") && !text.contains("password expired"))
        }
    }

    @Test("Git uses the proxy of the configuration, or else that of the environment")
    func usesTheProxy() async throws {
        try await withServer { _, authority in
            let login = "http://bob:\(Self.secret)@"
            var access = GitAccess()
            access.inherited = ["http_proxy": "http://\(authority)"]
            let first = try TemplateArchives(folder: temporary.path + "/first", access: access)
            #expect(
                try await first.plan(for: source(login + "git.invalid/a.git")).commit != nil)
            access.inherited = ["http_proxy": "http://127.0.0.1:1"]
            access.proxy = "http://\(authority)"
            access.noProxy = ["other.invalid"]
            let second = try TemplateArchives(folder: temporary.path + "/second", access: access)
            #expect(
                try await second.plan(for: source(login + "git.invalid/a.git")).commit != nil)
            let fault = await #expect(throws: TemplateFault.self) {
                _ = try await second.plan(for: source("http://other.invalid/a.git"))
            }
            #expect(try #require(fault).description.contains("resolve host: other.invalid"))
        }
    }

    // MARK: The server

    private final class Server: Sendable {
        /// Of all processes, at each request with the right credential.
        let commandLines = Mutex<Set<String>>([])
    }

    private func source(_ url: String, ref: String = "main") -> GuestOS {
        GuestOS(
            id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
            template: .git(url: url, ref: ref), owner: "o", createdMilliseconds: 0)
    }

    /// Serves a repository by Git's dumb protocol, which needs files only.
    private func withServer(
        login: String = "bob:\(secret)",
        _ body: (_ server: Server, _ authority: String) async throws -> Void
    ) async throws {
        try await makeRepository()
        let server = Server()
        let root = temporary.path
        let expected = "Basic " + Data(login.utf8).base64EncodedString()
        let http = HTTPServer(host: "127.0.0.1", port: 0) { request in
            guard request.headers["Authorization"] == expected else {
                return Problem.unauthorized("who?", challenge: "Basic realm=\"test\"").response
            }
            server.commandLines.withLock { $0.formUnion(Self.commandLines()) }
            let file = root + request.path
            guard Files.kind(file) == .file, let size = Files.sizeBytes(file) else {
                return Problem.notFound("no such file").response
            }
            return HTTPResponse(
                headers: ["Content-Type": "application/octet-stream"],
                body: .file(FileSlice(path: file, lengthBytes: size)))
        }
        try http.start()
        do { try await body(server, "127.0.0.1:\(http.boundPort)") } catch {
            await http.stop()
            throw error
        }
        await http.stop()
    }

    private func makeRepository() async throws {
        let script = """
            git init --quiet --initial-branch=main "$1/work" && cd "$1/work"
            printf 'builder: command\\ncommand: ["true"]\\n' >aibuild.yml
            git add . && git -c user.name=t -c user.email=t@example.org commit --quiet -m one
            git clone --quiet --bare . "$1/a.git" && cd "$1/a.git" && git update-server-info
            """
        var environment = Command.minimalEnvironment
        environment["HOME"] = temporary.path
        let made = try await Command(
            ["/bin/sh", "-ec", script, "sh", temporary.path], environment: environment
        ).run(timeoutSeconds: 300)
        try #require(made.status.isSuccess, "\(made.stderrText)")
    }

    private static func commandLines() -> [String] {
        ((try? Files.list("/proc")) ?? []).filter { Int($0) != nil }.compactMap { pid in
            (try? Files.read("/proc/\(pid)/cmdline", limitBytes: 1 << 20)).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
    }
}
