import CoordinatorCore
import Testing

@Suite("Git addresses") struct GitAddressTests {
    @Test(
        "A credential is taken out of the address",
        arguments: [
            (
                "https://bob:s3cret@git.example.org/a.git", "https://git.example.org/a.git", "bob",
                "s3cret"
            ),
            (
                "https://s3cret@git.example.org:8443/a", "https://git.example.org:8443/a", "s3cret",
                ""
            ),
            ("http://:s3cret@h/a", "http://h/a", "", "s3cret"),
            ("https://a%40b:s3%2Fcret@h/a", "https://h/a", "a@b", "s3/cret"),
            ("https://a%:s3%cret@h/a", "https://h/a", "a%", "s3%cret"),
            ("https://bob:s3@cret@h/a", "https://h/a", "bob", "s3@cret"),
            ("https://bob:s3/cret@h/a", "https://h/a", "bob", "s3/cret"),
            ("HTTPS://bob:s3cret@h", "HTTPS://h", "bob", "s3cret"),
            // Each joins the `@` to one character with it.
            ("https://bob:s3cret\u{0600}@h/a", "https://h/a", "bob", "s3cret\u{0600}"),
            ("https://bob:s3cret@\u{0301}h/a", "https://\u{0301}h/a", "bob", "s3cret"),
            ("https://bob:\u{0301}s3cret@h/a", "https://h/a", "bob", "\u{0301}s3cret"),
            ("ssh://git:s3cret@h:22/a", "ssh://git@h:22/a", "git", "s3cret"),
        ])
    func credentialIsRemoved(text: String, url: String, user: String, password: String) {
        let address = GitAddress(text)
        #expect(address.url == url)
        #expect(address.credential?.user == user)
        #expect(address.credential?.password == password)
        let source = TemplateSource.git(url: text, ref: "main")
        #expect(source.problem?.contains("s3") == false)
        #expect(source.shown == .git(url: url, ref: "main"))
    }

    @Test(
        "An address without a credential is unchanged",
        arguments: [
            "https://git.example.org/@scope/a.git", "https://h:8443/a?b=c@d", "http://[::1]:80/a@b",
            "ssh://git@h/a", "git@h:a/b.git", "file:///srv/a@b", "git://h/a", "", "://", "a",
        ])
    func otherAddresses(text: String) {
        #expect(GitAddress(text).url == text)
        #expect(GitAddress(text).credential == nil)
        #expect(TemplateSource.git(url: text, ref: "main").problem == nil)
    }

    @Test(
        "The address of an environment contains no credential, however it is written",
        arguments: ["https://bob:s3cret@r", "https://s3cret\u{0600}@r", "https://s3cret@\u{0301}r"])
    func environmentsContainNone(url: String) {
        let environment = ReleaseEnvironment(
            id: "1", name: "lab", settings: .registry(RegistrySettings(url: url)),
            createdMilliseconds: 0)
        #expect(environment.problem?.contains("without a user name") == true)
    }

    @Test("What is shown of a template, sent back, keeps its credential")
    func credentialIsKept() {
        let known = TemplateSource.git(url: "https://bob:s3cret@h/a", ref: "main")
        #expect(
            TemplateSource.git(url: "https://h/a", ref: "v2").keepingCredential(of: known)
                == .git(url: "https://bob:s3cret@h/a", ref: "v2"))
        let other = TemplateSource.git(url: "https://h/b", ref: "main")
        #expect(other.keepingCredential(of: known) == other)
        #expect(other.keepingCredential(of: nil) == other)
    }

    @Test("The export of an older registration does not contain its credential")
    func exportHasNoCredential() {
        var snapshot = RegistrySnapshot()
        snapshot.guestOSes["a"] = GuestOS(
            id: "1", name: "a", type: .linux, distro: "", version: "", baseISO: "",
            template: .git(url: "https://bob:s3cret@h/a", ref: "main"), owner: "o",
            createdMilliseconds: 0)
        let cells = RegistryExport.tables(snapshot).flatMap(\.rows).flatMap(\.self)
        #expect(cells.contains("https://h/a"))
        #expect(!cells.contains { $0.contains("s3cret") })
    }

    @Test(
        "Only a repository of the same server and path belongs to it",
        arguments: [
            ("https://gl.example.org/g/a.git", "https://gl.example.org", true),
            ("https://GL.example.org:443/g/a.git", "https://gl.example.org/", true),
            ("https://bob:x@gl.example.org/g/a", "https://gl.example.org", true),
            ("https://h/gitlab/g/a.git", "https://h/gitlab", true),
            ("http://gl.example.org/g/a.git", "https://gl.example.org", false),
            ("https://gl.example.org.evil.org/g/a.git", "https://gl.example.org", false),
            ("https://gl.example.org:8443/g/a.git", "https://gl.example.org", false),
            ("https://evil.org/gl.example.org/a", "https://gl.example.org", false),
            ("https://gl.example.org@evil.org/a", "https://gl.example.org", false),
            ("https://h/gitlab2/g/a.git", "https://h/gitlab", false),
            ("https://h/gitlab/../g/a.git", "https://h/gitlab", false),
            ("git@gl.example.org:g/a.git", "https://gl.example.org", false),
        ])
    func belongsToServer(url: String, server: String, isBelow: Bool) {
        #expect(GitAddress(url).isBelow(GitAddress(server)) == isBelow)
    }

    @Test(
        "The project of an address is found for HTTP and SSH",
        arguments: [
            ("https://gl/g/sub/a.git", "https://gl", "g/sub/a"),
            ("https://h/gitlab/g/a/", "https://h/gitlab/", "g/a"),
            ("git@gl:g/a.git", "https://gl", "g/a"),
            ("ssh://git@GL:2222/g/a.git", "https://gl", "g/a"),
            ("https://other/g/a.git", "https://gl", nil), ("git@other:g/a.git", "https://gl", nil),
            ("/srv/git/a", "https://gl", nil),
        ])
    func projectOfAddress(url: String, server: String, project: String?) {
        #expect(GitAddress(url).project(on: GitAddress(server)) == project)
    }
}
