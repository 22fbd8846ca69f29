import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import ProcessKit
import Support
import TestSupport
import Testing

/// Repositories as teams have them, fetched by a real Git.
@Suite(.timeLimit(.minutes(2))) struct GitTemplateTests {
    private let temporary: TemporaryFolder
    private let archives: TemplateArchives

    init() throws {
        temporary = try TemporaryFolder()
        archives = try TemplateArchives(folder: temporary.path + "/archives")
    }

    private static let yaml = "builder: command\ncommand: [\"true\"]\n"

    private func repository(branch: String = "main") async throws -> GitRepository {
        let repository = try await GitRepository(
            temporary.path + "/work", "--initial-branch=\(branch)")
        try Files.replace(repository.path + "/aibuild.yml", with: Array(Self.yaml.utf8))
        return repository
    }

    private func plan(
        _ source: TemplateSource, folder: String? = nil
    ) async throws -> BuildPlan {
        try await archives.plan(
            for: GuestOS(
                id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
                template: source, templatePath: folder, owner: "o", createdMilliseconds: 0))
    }

    private func plan(_ repository: GitRepository, _ ref: String = "HEAD") async throws -> BuildPlan
    {
        try await plan(.git(url: repository.url, ref: ref))
    }

    private func expectRefusal(_ words: [String], _ source: TemplateSource) async throws {
        let fault = await #expect(throws: TemplateFault.self) { _ = try await plan(source) }
        for word in words {
            #expect(fault?.description.contains(word) == true, "\(word): \(fault as Any)")
        }
    }

    private func content(_ plan: BuildPlan, _ name: String) async throws -> String? {
        let result = try await Command(
            ["tar", "-xOf", try archives.path(of: plan.template), "--", name],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        return result.status.isSuccess ? result.stdoutText : nil
    }

    @Test("A refusal of Git's own is told in its first words, not in its last")
    func toldByItsFirstWords() async throws {
        let repository = try await repository()
        try await repository.commit()
        try await repository.run("chown -R nobody .")
        try await expectRefusal(
            ["detected dubious ownership in repository"],
            .git(url: repository.path, ref: "HEAD"))
        let lost = """
            Cloning into 'x'...
            Host key verification failed.
            fatal: Could not read from remote repository.

            Please make sure you have the correct access rights
            and the repository exists.

            """
        #expect(Git.reason(lost) == "Host key verification failed.")
    }

    @Test("The template of an old build is made again from its commit, and must be the same")
    func removedArchive() async throws {
        let repository = try await repository()
        try await repository.commit()
        let guestOS = GuestOS(
            id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
            template: .git(url: repository.url, ref: "HEAD"), owner: "o", createdMilliseconds: 0)
        let old = try await archives.plan(for: guestOS)
        try Files.replace(repository.path + "/aibuild.yml", with: Array("other: 1".utf8))
        try await repository.commit("broken by now")
        for folder in ["archives", "archives/git"] {
            for name in try Files.list("\(temporary.path)/\(folder)") where name != "git" {
                try Files.remove("\(temporary.path)/\(folder)/\(name)")
            }
        }
        try await archives.restore(old, of: guestOS)
        #expect(try await content(old, "aibuild.yml") == Self.yaml)

        var other = old
        other.template.sha256 = String(repeating: "a", count: 64)
        let different = await #expect(throws: TemplateFault.self) {
            try await archives.restore(other, of: guestOS)
        }
        #expect(different?.description.contains("does not give the template") == true)
        // Nothing says what was in a folder.
        var local = guestOS
        local.template = .folder(path: repository.path)
        let gone = await #expect(throws: TemplateFault.self) {
            try await archives.restore(other, of: local)
        }
        #expect(gone?.description.contains("is not here any more") == true)
    }

    // MARK: Branches

    @Test("A repository whose default branch is master is built from it") func masterBranch()
        async throws
    {
        let repository = try await repository(branch: "master")
        let first = try await repository.commit()
        #expect(try await plan(repository).commit == first)
        // The default may change.
        try await repository.run("git checkout --quiet -b trunk; echo 1 >new")
        let second = try await repository.commit()
        #expect(try await plan(repository).commit == second)
    }

    @Test("The only branch is built if the default branch does not exist") func danglingHead()
        async throws
    {
        let repository = try await repository(branch: "master")
        let commit = try await repository.commit()
        let bare = try await GitRepository(temporary.path + "/bare", "--bare --initial-branch=main")
        try await repository.run("git push --quiet '\(bare.path)' master")
        #expect(try await plan(bare).commit == commit)
        try await repository.run("git push --quiet '\(bare.path)' master:second")
        try await expectRefusal(
            ["has no default branch", "master, second"], .git(url: bare.url, ref: "HEAD"))
    }

    /// What the mirror of a repository knows of a commit.
    private func hasMirrored(_ commit: String) async throws -> Bool {
        let git = temporary.path + "/archives/git"
        for mirror in try Files.list(git) {
            let result = try await Command(
                ["git", "-C", "\(git)/\(mirror)", "cat-file", "-e", commit],
                environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            if result.status.isSuccess { return true }
        }
        return false
    }

    @Test("Only the ref of a build is fetched, and what it means on the server now counts")
    func onlyTheRef() async throws {
        let repository = try await repository()
        let main = try await repository.commit()
        try await repository.run("git checkout -q -b other")
        try Files.replace(repository.path + "/more", with: Array("1".utf8))
        let other = try await repository.commit()
        try await repository.run("git tag v1 && git checkout -q main")
        for ref in ["HEAD", "main", "refs/heads/main"] {
            #expect(try await plan(repository, ref).commit == main, "\(ref)")
        }
        #expect(try await !hasMirrored(other), "no build needs it")
        #expect(try await plan(repository, "refs/tags/v1").commit == other)
        #expect(try await plan(repository, "other").commit == other)
        // Expressions and commits need all of it.
        #expect(try await plan(repository, "other~1").commit == main)
        #expect(try await plan(repository, other).commit == other)
        #expect(try await plan(repository, String(other.prefix(10))).commit == other)
        // Moved by force, renamed, deleted.
        try await repository.run("git branch -q -f other main")
        #expect(try await plan(repository, "other").commit == main)
        try await repository.run("git branch -q -m main trunk")
        #expect(try await plan(repository).commit == main)
        try await expectRefusal(
            ["cannot find 'main'", "other, trunk"], .git(url: repository.url, ref: "main"))
        try await repository.run("git branch -q -D other")
        try await expectRefusal(["cannot find 'other'"], .git(url: repository.url, ref: "other"))
    }

    @Test("An empty repository and an unknown branch are reported with what to do")
    func emptyAndUnknown() async throws {
        let repository = try await repository(branch: "master")
        try await expectRefusal(
            ["no branch yet: push the template"], .git(url: repository.url, ref: "HEAD"))
        try await repository.commit()
        try await expectRefusal(
            ["cannot find 'main'", "its branches are master"],
            .git(url: repository.url, ref: "main"))
    }

    // MARK: Content

    @Test("A file with export-ignore is in the template, and export-subst is applied")
    func exportAttributes() async throws {
        let repository = try await repository()
        try await repository.run(
            """
            printf '/scripts export-ignore\\nversion.txt export-subst\\n*.ps1 text eol=crlf\\n' \
                >.gitattributes
            mkdir scripts; echo 'echo hi' >scripts/a.sh
            echo '$Format:%H$' >version.txt; echo x >a.ps1
            """)
        let commit = try await repository.commit()
        let plan = try await plan(repository)
        #expect(try await content(plan, "scripts/a.sh") == "echo hi\n")
        #expect(try await content(plan, "version.txt") == commit + "\n")
        #expect(try await content(plan, "a.ps1") == "x\r\n")
    }

    @Test("A submodule is refused with its path", arguments: ["sub", "zz/last"])
    func submodule(path: String) async throws {
        let other = try await GitRepository(temporary.path + "/sub", "--initial-branch=main")
        try await other.run("echo x >f")
        try await other.commit()
        let repository = try await repository()
        try await repository.run(
            "git -c protocol.file.allow=always submodule --quiet add '\(other.path)' \(path)")
        try await repository.run("mkdir own; cp aibuild.yml own")
        try await repository.commit()
        let source = TemplateSource.git(url: repository.url, ref: "main")
        try await expectRefusal(["the submodule '\(path)'", "submodules: true"], source)
        // It is no part of a template in another folder.
        #expect(try await plan(source, folder: "own").template.folder == "own")
    }

    @Test("A Git LFS pointer is refused with its path and a remedy, in a folder as well")
    func lfsPointer() async throws {
        let repository = try await repository()
        try await repository.run(
            """
            mkdir drivers
            url=https://git-lfs.github.com/spec/v1
            printf "version $url\\noid sha256:%064d\\nsize 12345\\n" 7 >drivers/net.bin
            """)
        try await repository.commit()
        for (source, remedy) in [
            (TemplateSource.git(url: repository.url, ref: "main"), "lfs: true in aibuild.yml"),
            (.folder(path: repository.path), "git lfs pull"),
        ] {
            try await expectRefusal(["'drivers/net.bin' as a Git LFS pointer", remedy], source)
        }
    }

    @Test("Files of Git itself are part of a folder's template, its .git is not")
    func filesOfGit() async throws {
        let repository = try await repository()
        try await repository.run("echo '*.o' >.gitignore; mkdir RCS; echo 1 >RCS/x")
        let plan = try await plan(.folder(path: repository.path))
        #expect(try await content(plan, ".gitignore") == "*.o\n")
        #expect(try await content(plan, "RCS/x") == "1\n")
        #expect(try await content(plan, ".git/HEAD") == nil)
    }

    // MARK: Names

    @Test(
        "A template is found whatever characters its name has",
        arguments: ["模板.json", "a b\\c.json", "Żółw*.json", "-rf.json", "[x].json"])
    func names(name: String) async throws {
        let repository = try await repository()
        let quoted = name.replacing("\\", with: "\\\\")
        try Files.replace(
            repository.path + "/aibuild.yml", with: Array("template: \"\(quoted)\"\n".utf8))
        try Files.replace("\(repository.path)/\(name)", with: Array("{}".utf8))
        try Files.makeFolder(repository.path + "/output")
        try Files.replace("\(repository.path)/output/\(name).j2", with: Array("x".utf8))
        try Files.replace(repository.path + "/new\nline", with: [])
        try await repository.commit()
        for source in [
            TemplateSource.git(url: repository.url, ref: "main"), .folder(path: repository.path),
        ] {
            let plan = try await plan(source)
            #expect(plan.recipe.builder == .packer(template: name))
            #expect(try await archives.outputs(of: plan.template, for: "x").map(\.name) == [name])
        }
    }

    @Test("A name that only looks the same is reported as such") func otherNormalization()
        async throws
    {
        let repository = try await repository()
        try Files.replace(
            repository.path + "/aibuild.yml", with: Array("template: caf\u{e9}.json\n".utf8))
        try Files.replace(repository.path + "/cafe\u{301}.json", with: Array("{}".utf8))
        try await expectRefusal(["other Unicode characters"], .folder(path: repository.path))
    }
}
