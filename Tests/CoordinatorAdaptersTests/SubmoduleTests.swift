import BuildProtocol
import CoordinatorCore
import ProcessKit
import Support
import TestSupport
import Testing
import TextKit

@testable import CoordinatorAdapters

/// What a template asks for besides the files of its own repository, fetched by a real Git.
@Suite(.timeLimit(.minutes(3))) struct SubmoduleTests {
    private let temporary: TemporaryFolder

    init() throws { temporary = try TemporaryFolder() }

    private func repository(_ path: String, _ more: String = "") async throws -> GitRepository {
        let made = try await GitRepository(
            "\(temporary.path)/git/\(path)", "--initial-branch=main")
        try Files.replace(
            made.path + "/aibuild.yml",
            with: Array("builder: command\ncommand: [\"true\"]\n\(more)".utf8))
        return made
    }

    private func plan(
        _ url: String, folder: String? = nil, _ access: GitAccess = GitAccess()
    ) async throws -> [String: String] {
        let archives = try TemplateArchives(folder: temporary.path + "/archives", access: access)
        let plan = try await archives.plan(
            for: GuestOS(
                id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
                template: .git(url: url, ref: "main"), templatePath: folder, owner: "o",
                createdMilliseconds: 0))
        // As a host unpacks it.
        let target = "\(temporary.path)/unpacked/\(plan.template.sha256)"
        try Files.makeFolder(target)
        let result = try await Command(
            [
                "/bin/sh", "-ec",
                "cd \"$1\"; tar -xf \"$2\"; find . -type f -exec sh -c 'printf \"%s=\" \"$1\"; "
                    + "head -c 40 \"$1\" | head -n 1' sh {} \\;", "sh", target,
                try archives.path(of: plan.template),
            ], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        guard result.status.isSuccess else { throw Failure(result.stderrText) }
        return result.stdoutText.lines.reduce(into: [:]) { files, line in
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { files[String(parts[0].dropFirst(2))] = parts[1] }
        }
    }

    private func refusal(_ url: String, _ access: GitAccess = GitAccess()) async throws -> String {
        let fault = await #expect(throws: TemplateFault.self) { _ = try await plan(url, access) }
        return fault?.description ?? ""
    }

    private func plan(_ url: String, _ access: GitAccess) async throws -> [String: String] {
        try await plan(url, folder: nil, access)
    }

    private static let add = "git -c protocol.file.allow=always submodule --quiet add"

    @Test("Submodules are fetched at the commits that are named, theirs too, in a folder as well")
    func nested() async throws {
        let inner = try await repository("inner")
        try await inner.run("echo deep >deep.txt")
        try await inner.commit()
        let middle = try await repository("middle")
        try await middle.run("\(Self.add) ../inner lib/inner; echo old >m.txt")
        let named = try await middle.commit()
        let outer = try await repository("outer", "submodules: true\n")
        try await outer.run("\(Self.add) ../middle vendor/middle")
        try await outer.run(
            "mkdir own; cp aibuild.yml own; echo 'include: [vendor]' >>own/aibuild.yml")
        try await outer.commit()
        // What comes later is not what the template names.
        try await middle.run("echo new >m.txt")
        try await middle.commit()

        let files = try await plan(outer.url)
        #expect(files["vendor/middle/m.txt"] == "old")
        #expect(files["vendor/middle/lib/inner/deep.txt"] == "deep")
        #expect(files["own/aibuild.yml"] != nil)
        let part = try await plan(outer.url, folder: "own")
        #expect(part["vendor/middle/lib/inner/deep.txt"] == "deep")
        #expect(part["aibuild.yml"] == nil)

        // On no branch any more: given by its name, or told.
        try await middle.run(
            """
            git commit --quiet --amend -m other; git reset --quiet --hard HEAD~1
            git commit --quiet --amend -m rewritten
            """)
        try Files.remove(temporary.path + "/archives")
        #expect(try await plan(outer.url)["vendor/middle/m.txt"] == "old")
        try await middle.run("git reflog expire --expire=now --all; git gc --quiet --prune=now")
        try Files.remove(temporary.path + "/archives")
        let text = try await refusal(outer.url)
        #expect(text.contains("does not have the commit \(named.prefix(12))"), "\(text)")
    }

    @Test("A submodule of another place is refused, unless the administrator allows it")
    func elsewhere() async throws {
        let private_ = try await repository("private/keys")
        try await private_.run("echo secret >key.txt")
        try await private_.commit()
        let outer = try await repository("team/outer", "submodules: true\n")
        try await outer.run("\(Self.add) '\(private_.url)' keys")
        try await outer.commit()
        let text = try await refusal(outer.url)
        #expect(text.contains("the submodule 'keys' is at \(private_.url), which is not beside"))
        #expect(text.contains("git.submodules in coordinator.yml"), "\(text)")
        var access = GitAccess()
        access.submodules = [GitAddress("file://\(temporary.path)/git/private")]
        #expect(try await plan(outer.url, access)["keys/key.txt"] == "secret")

        // The same by a way around, with a login, or as an option.
        for url in ["../../private/keys", "../x/../../private/keys", "--upload-pack=x"] {
            try await outer.run("git config -f .gitmodules submodule.keys.url '\(url)'")
            try await outer.commit()
            let text = try await refusal(outer.url)
            #expect(text.contains("the submodule 'keys'"), "\(url): \(text)")
        }
        try await outer.run(
            "git config -f .gitmodules submodule.keys.url https://user:hunter2@git.example.org/x")
        try await outer.commit()
        let login = try await refusal(outer.url)
        #expect(login.contains("without user name and password") && !login.contains("hunter2"))
    }

    @Test("Missing addresses, loops and too many submodules are told")
    func broken() async throws {
        let outer = try await repository("outer", "submodules: true\n")
        try await outer.commit()
        // A repository that contains itself, at an earlier commit each time, for ever.
        try await outer.run("\(Self.add) ../outer self")
        for _ in 0..<10 { try await outer.commit("more", inSubmodule: "self") }
        #expect(try await refusal(outer.url).contains("nested more than 8 deep"))
        var access = GitAccess()
        access.limits.submodules = 3
        #expect(try await refusal(outer.url, access).contains("more than 3 submodules"))
        try await outer.run("git rm --quiet -f .gitmodules")
        try await outer.commit()
        let text = try await refusal(outer.url)
        #expect(text.contains(".gitmodules at") && text.contains("does not say where it is"))
    }

    @Test("Addresses of submodules are resolved as Git does")
    func addresses() {
        for (url, parent, expected) in [
            ("https://h/x.git", "https://h/a/b.git", "https://h/x.git"),
            ("../x.git", "https://h/a/b.git", "https://h/a/x.git"),
            ("../x.git", "https://h/a/b.git/", "https://h/a/x.git"),
            ("../../c/x", "https://h/a/b.git", "https://h/c/x"),
            ("./x", "file:///srv/a", "file:///srv/a/x"),
            ("../x", "git@h:group/a", "git@h:group/x"),
        ] {
            #expect(Submodules.resolved(url, from: parent) == expected, "\(url) \(parent)")
        }
    }

    @Test("Files of Git LFS are fetched if the template asks for them")
    func lfs() async throws {
        let bare = temporary.path + "/git/big.git"
        let work = try await repository("big", "lfs: true\n")
        try await work.run(
            """
            git init --quiet --bare '\(bare)'
            git lfs install --local >/dev/null
            git lfs track '*.bin' >/dev/null
            head -c 100000 /dev/zero | tr '\\0' 'x' >drivers.bin
            """)
        try await work.commit()
        try await work.run(
            "git remote add origin 'file://\(bare)'; git push --quiet origin main 2>/dev/null")
        let files = try await plan("file://" + bare)
        #expect(files["drivers.bin"] == String(repeating: "x", count: 40))
        // Many machines have the filters of Git LFS in Git's own configuration.
        try await work.run("sed -i 's/lfs: true/lfs: false/' aibuild.yml")
        try await work.commit()
        try await work.run("git push --quiet origin main 2>/dev/null")
        try Files.replace(
            temporary.path + "/archives/.gitconfig",
            with: Array("[filter \"lfs\"]\nprocess = false\nrequired = true\n".utf8))
        let pointer = try await refusal("file://" + bare)
        #expect(pointer.contains("'drivers.bin' as a Git LFS pointer"), "\(pointer)")
        try await work.run("git reset --quiet --hard HEAD~1; git push --quiet -f origin main")
        // Its server may have lost one.
        try Files.remove(bare + "/lfs/objects")
        try Files.remove(temporary.path + "/archives")
        let text = try await refusal("file://" + bare)
        #expect(text.contains("drivers.bin"), "\(text)")
    }
}

extension GitRepository {
    /// Commits a submodule's newest commit.
    fileprivate func commit(_ message: String, inSubmodule path: String) async throws {
        try await run(
            """
            git commit --quiet --allow-empty -m '\(message)'
            head=$(git rev-parse HEAD)
            git update-index --cacheinfo 160000,$head,\(path); git commit --quiet -m '\(message)'
            """)
    }
}
