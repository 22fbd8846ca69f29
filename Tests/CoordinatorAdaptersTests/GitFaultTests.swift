import CoordinatorAdapters
import CoordinatorCore
import FoundationEssentials
import HTTPServerKit
import HTTPTypes
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

/// Git servers that are large, hang, lie, or want a login that the coordinator keeps as a secret.
@Suite(.timeLimit(.minutes(3))) struct GitFaultTests {
    private let temporary: TemporaryFolder

    init() throws { temporary = try TemporaryFolder() }

    private func plan(_ url: String, _ access: GitAccess) async throws {
        let archives = try TemplateArchives(folder: temporary.path + "/archives", access: access)
        _ = try await archives.plan(
            for: GuestOS(
                id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
                template: .git(url: url, ref: "main"), owner: "o", createdMilliseconds: 0))
    }

    private func fault(_ url: String, _ access: GitAccess) async throws -> String {
        let fault = await #expect(throws: TemplateFault.self) { try await plan(url, access) }
        return fault?.description ?? ""
    }

    private func repository(_ script: String = "") async throws -> GitRepository {
        let repository = try await GitRepository(
            temporary.path + "/a.git", "--initial-branch=main")
        try await repository.run(
            "printf 'builder: command\\ncommand: [\"true\"]\\n' >aibuild.yml\n" + script)
        try await repository.commit()
        return repository
    }

    @Test("A repository that is too large is refused, and leaves nothing behind")
    func huge() async throws {
        let repository = try await repository(
            """
            for i in $(seq 200); do echo $i >f$i; done
            head -c 3000000 /dev/urandom >image.bin
            """)
        var access = GitAccess()
        access.limits.fileBytes = 1 << 20
        let text = try await fault(repository.url, access)
        #expect(text.contains("its history has more than 1 MiB"), "\(text)")
        let left = try await Command(
            ["find", temporary.path + "/archives/git", "-name", "tmp_*"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(left.stdoutText == "")
        access.limits.fileBytes = 8 << 20
        try await plan(repository.url, access)
    }

    @Test("A server that answers nothing ends the fetch, and is named")
    func hanging() async throws {
        let server = HTTPServer(host: "127.0.0.1", port: 0) { _ in
            await untilCancelled()
            return .empty
        }
        try server.start()
        var access = GitAccess()
        access.limits.stallSeconds = 1
        let url = "http://127.0.0.1:\(server.boundPort)/a.git"
        let text = try await fault(url, access)
        #expect(text.contains("cannot fetch \(url)"), "\(text)")
        #expect(text.contains("Operation too slow") || text.contains("timed out"), "\(text)")
        await server.stop()
    }

    /// Git's dumb protocol: the server sends files, so that it can send any.
    @Test(
        "A server that lies about its refs or objects is found out",
        arguments: ["missing", "exchanged", "page"])
    func lying(_ lie: String) async throws {
        let repository = try await repository("echo one >one")
        let git = repository.path + "/.git"
        try await repository.run("git update-server-info; git gc --quiet; git update-server-info")
        let commit = try await repository.run("git rev-parse HEAD")
        let server = HTTPServer(host: "127.0.0.1", port: 0) { request in
            let path = request.path.dropFirst("/a.git".count)
            if path == "/info/refs" {
                switch lie {
                case "missing":
                    return .text("\(String(repeating: "a", count: 40))\trefs/heads/main\n")
                case "page": return .text("<html>Sign in</html>")
                default: return .text("\(commit)\trefs/heads/main\n")
                }
            }
            guard let bytes = try? Files.read(git + path, limitBytes: 1 << 20) else {
                return Problem.notFound("nothing here").response
            }
            // Another object than the one that was asked for.
            let isPack = path.hasSuffix(".pack")
            return HTTPResponse(
                body: .bytes(isPack ? bytes.dropLast(25) + [UInt8](repeating: 7, count: 25) : bytes)
            )
        }
        try server.start()
        let url = "http://127.0.0.1:\(server.boundPort)/a.git"
        let text = try await fault(url, GitAccess())
        // Git takes a page for a list of no refs.
        let words = lie == "page" ? "\(url) has no branch yet" : "cannot fetch \(url)"
        #expect(text.contains(words), "\(text)")
        await server.stop()
    }

    @Test("A push of 10,000 commits is looked at by its difference, and told in 20 subjects")
    func manyCommits() async throws {
        let repository = try await repository("mkdir other; echo 1 >other/f")
        let first = try await repository.run("git rev-parse HEAD")
        try await repository.run(
            """
            author='t <t@example.org>'
            i=0; (while [ $i -lt 10000 ]; do i=$((i + 1))
              date=$((1700000000 + i))
              printf 'commit refs/heads/main\\ncommitter %s %d +0000\\n' "$author" $date
              printf 'data <<E\\nstep %d\\nE\\n' $i
              [ $i -gt 1 ] || printf 'from %s\\n' \(first)
              printf 'M 644 inline other/f\\ndata <<E\\n%d\\nE\\n' $i
            done) | git fast-import --quiet --force
            """)
        let archives = try TemplateArchives(folder: temporary.path + "/archives")
        let guestOS = GuestOS(
            id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
            template: .git(url: repository.url, ref: "main"), owner: "o", createdMilliseconds: 0)
        let plan = try await archives.plan(for: guestOS)
        let subjects = try await archives.subjects(guestOS, of: plan, since: first)
        #expect(subjects.count == 20 && subjects.first == "step 10000")
        for (paths, isTouched) in [("other", true), ("aibuild.yml", false)] {
            try await repository.run(
                """
                git reset --quiet --hard; echo 'paths: [\(paths)]' >>aibuild.yml
                git commit --quiet -a -m paths
                """)
            let plan = try await archives.plan(for: guestOS)
            let parent = try await repository.run("git rev-parse HEAD~1")
            var last = plan
            last.commit = parent
            #expect(
                try await archives.isTouched(guestOS, last, since: first, asMergeRequest: false)
                    == isTouched)
            try await repository.run("git reset --quiet --hard HEAD~1")
        }
    }

    private struct Kept: SecretSource {
        var guestOSes: [String] = []
        var place = "secret git-key of the coordinator"
        var text: String
        func value() async throws(SecretFault) -> Secret { Secret(text) }
    }

    @Test("A deploy key that is a secret reaches ssh, without a file")
    func deployKey() async throws {
        let repository = try await repository()
        let ssh = try await SSHServer.start()
        let key = try String(
            decoding: Files.read(ssh.keyFile(), limitBytes: 1 << 16), as: UTF8.self)
        let user = ssh.endpoint.user
        let url = "ssh://\(user)@127.0.0.1:\(ssh.port)\(repository.path)"
        let hosts = temporary.path + "/known hosts"
        let hostKey = try Files.read(
            ssh.folder + "/host_ed25519.pub", limitBytes: 1 << 12)
        try Files.replace(
            hosts, with: Array("[127.0.0.1]:\(ssh.port) ".utf8) + hostKey)
        var access = GitAccess()
        access.knownHosts = hosts
        func login(_ text: String) -> GitLogin {
            GitLogin(
                address: GitAddress("ssh://127.0.0.1:\(ssh.port)"), user: "", name: "images",
                secret: Kept(text: text))
        }
        access.logins = [login(key.trimmingSuffix())]
        try await plan(url, access)
        let other = temporary.path + "/other"
        try await repository.run("ssh-keygen -q -t ed25519 -N '' -f '\(other)'")
        access.logins = [
            login(String(decoding: try Files.read(other, limitBytes: 1 << 16), as: UTF8.self))
        ]
        let text = try await fault(url, access)
        #expect(text.contains("The server refuses git.logins.images"), "\(text)")
        #expect(!text.contains("PRIVATE KEY"))
    }
}

extension String {
    /// As a person pastes a key: without the newline at its end.
    fileprivate func trimmingSuffix() -> String { hasSuffix("\n") ? String(dropLast()) : self }
}
