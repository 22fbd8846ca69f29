import CoordinatorCore
import Support
import Synchronization
import Templates
import Testing
import YAMLKit

@testable import CoordinatorAdapters

/// When the packages of a source have changed.
@Suite struct PackageIndexTests {
    private final class Mirror: Sendable {
        let files = Mutex<[String: String]>([:])

        func mark(of sources: PackageSource?...) async throws -> String {
            try await sight(of: sources, since: nil).mark
        }

        func sight(of sources: [PackageSource?], since old: String?) async throws -> WatchSight {
            let indexes = PackageIndexes { [self] url in
                files.withLock { $0[url].map { Array($0.utf8) } }
            }
            return try await indexes.sight(
                of: PackageWatch(sources: sources.compactMap(\.self), everySeconds: 3600),
                since: old)
        }

        func set(_ url: String, _ text: String?) { files.withLock { $0[url] = text } }
    }

    private static func digest(_ letter: Character) -> String {
        String(repeating: letter, count: 64)
    }

    /// As Debian's archive writes it.
    private func release(_ main: Character, date: String = "Sat, 08 Nov 2025") -> String {
        """
        -----BEGIN PGP SIGNED MESSAGE-----
        Hash: SHA256

        Origin: Debian
        Date: \(date)
        MD5Sum:
         \(String(repeating: "0", count: 32))   738242 main/binary-amd64/Packages
        SHA256:
         \(Self.digest(main))   738242 main/binary-amd64/Packages
         \(Self.digest("f"))   738242 main/binary-arm64/Packages
         \(Self.digest("c"))   220000 contrib/binary-amd64/Packages.xz
        -----BEGIN PGP SIGNATURE-----
        """
    }

    @Test("A suite of apt has changed when the packages of its components have, not its date")
    func apt() async throws {
        let mirror = Mirror()
        let base = "http://deb.example.org/debian"
        let suite = base + "/dists/bookworm"
        let main = PackageSource(apt: "deb \(base)/ bookworm main")
        mirror.set(suite + "/InRelease", release("a"))
        let first = try await mirror.mark(of: main)
        mirror.set(suite + "/InRelease", release("a", date: "Sun, 09 Nov 2025"))
        #expect(try await mirror.mark(of: main) == first)
        mirror.set(suite + "/InRelease", release("b"))
        #expect(try await mirror.mark(of: main) != first)
        let arm = PackageSource(apt: "deb [signed-by=/k.gpg arch=arm64] \(base) bookworm main")
        let other = try await mirror.mark(of: arm)
        mirror.set(suite + "/InRelease", nil)
        mirror.set(suite + "/Release", release("a"))
        #expect(try await mirror.mark(of: arm) == other)
        #expect(try await mirror.mark(of: main) == first)
        _ = try await mirror.mark(of: PackageSource(apt: "deb \(base) bookworm main contrib"))
        for (line, words) in [
            ("deb \(base) bookworm non-free", "no component non-free for amd64"),
            ("deb \(base) trixie main", "has no suite trixie"),
        ] {
            let fault = await #expect(throws: TemplateFault.self) {
                _ = try await mirror.mark(of: PackageSource(apt: line))
            }
            #expect(fault?.description.contains(words) == true, "\(fault as Any)")
        }
    }

    /// As createrepo_c writes it.
    private func repomd(_ letter: Character, revision: Int) -> String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <repomd xmlns="http://linux.duke.edu/metadata/repo">
          <revision>\(revision)</revision>
          <data type="filelists">
            <checksum type="sha256">\(Self.digest("0"))</checksum>
          </data>
          <data type="primary">
            <checksum type="sha256">\(Self.digest(letter))</checksum>
            <open-checksum type="sha256">\(Self.digest("9"))</open-checksum>
            <location href="repodata/primary.xml.gz"/>
          </data>
        </repomd>
        """
    }

    @Test("A repository of dnf has changed when its list of packages has")
    func dnf() async throws {
        let mirror = Mirror()
        let source = PackageSource(dnf: "https://repo.example.org/9/BaseOS/os/")
        let url = "https://repo.example.org/9/BaseOS/os/repodata/repomd.xml"
        mirror.set(url, repomd("a", revision: 1))
        let first = try await mirror.mark(of: source)
        mirror.set(url, repomd("a", revision: 2))
        #expect(try await mirror.mark(of: source) == first)
        mirror.set(url, repomd("b", revision: 3))
        #expect(try await mirror.mark(of: source) != first)
        for text in [nil, "<html>", "<repomd></repomd>"] {
            mirror.set(url, text)
            await #expect(throws: TemplateFault.self) { _ = try await mirror.mark(of: source) }
        }
    }

    @Test("A source that cannot be read hides neither a change of the others nor its own later one")
    func eachAlone() async throws {
        let mirror = Mirror()
        let (one, two) = ("http://a.example.org/os", "http://b.example.org/os")
        let sources = [PackageSource(dnf: one), PackageSource(dnf: two)]
        func set(_ url: String, _ letter: Character?) {
            mirror.set(
                url + "/repodata/repomd.xml", letter.map { repomd($0, revision: 1) })
        }
        func look(_ old: String?) async throws -> WatchSight {
            try await mirror.sight(of: sources, since: old)
        }
        set(one, "a")
        set(two, "a")
        let first = try await look(nil)
        #expect(!first.isChanged && first.problem == nil)
        set(one, nil)
        var away = try await look(first.mark)
        #expect(!away.isChanged && away.mark == first.mark, "what was seen of it is kept")
        #expect(away.problem == "\(one) has no repodata/repomd.xml")
        set(two, "b")
        away = try await look(away.mark)
        #expect(away.isChanged && away.problem != nil)
        set(one, "a")
        var back = try await look(away.mark)
        #expect(!back.isChanged && back.problem == nil, "it is as it was")
        set(one, "c")
        back = try await look(away.mark)
        #expect(back.isChanged)
        for url in [one, two] { set(url, nil) }
        await #expect(throws: TemplateFault.self) { _ = try await look(back.mark) }
    }

    @Test("A source that is read for the first time, beside others, is no change")
    func firstSight() async throws {
        let mirror = Mirror()
        let (one, two) = ("http://a.example.org/os", "http://b.example.org/os")
        mirror.set(one + "/repodata/repomd.xml", repomd("a", revision: 1))
        let sources = [PackageSource(dnf: one), PackageSource(dnf: two)]
        let first = try await mirror.sight(of: sources, since: nil)
        mirror.set(two + "/repodata/repomd.xml", repomd("b", revision: 1))
        let second = try await mirror.sight(of: sources, since: first.mark)
        #expect(!second.isChanged && second.mark != first.mark && second.problem == nil)
    }

    @Test("A mark of an older version is compared as soon as all sources can be read")
    func olderMark() async throws {
        let mirror = Mirror()
        let urls = ["http://a.example.org/os", "http://b.example.org/os"]
        let sources = urls.map { PackageSource(dnf: $0) }
        func set(_ url: String, _ letter: Character?) {
            mirror.set(url + "/repodata/repomd.xml", letter.map { repomd($0, revision: 1) })
        }
        for url in urls { set(url, "a") }
        let texts = urls.map { "\($0) \(Self.digest("a"))" }.joined(separator: "\n")
        let old = "packages " + SHA256.hex(texts.utf8)
        #expect(try await !mirror.sight(of: sources, since: old).isChanged)
        set(urls[0], nil)
        let away = try await mirror.sight(of: sources, since: old)
        #expect(!away.isChanged && away.mark.hasPrefix(old))
        set(urls[0], "b")
        let changed = try await mirror.sight(of: sources, since: away.mark)
        #expect(changed.isChanged && !changed.mark.contains("packages"))
    }

    @Test("A source with a password is refused, which would be shown")
    func passwords() {
        for source in [
            "apt: [deb http://u:hunter2@h/debian b main]", "dnf: [\"http://u:hunter2@h/os\"]",
        ] {
            let text = "template: t\ntriggers: {packages: {\(source)}}\n"
            let found = TemplateSet.mistakes(Array(text.utf8), file: "a.yml")
            #expect(found.count == 1 && found[0].message.contains("would be shown"), "\(found)")
        }
    }

    @Test("Lines of sources.list are taken apart, and what is none is refused")
    func lines() throws {
        let line = "deb [arch=arm64] https://example.org/debian/ bookworm/updates main contrib"
        let source = try #require(PackageSource(apt: line))
        #expect(source.url == "https://example.org/debian" && source.suite == "bookworm/updates")
        #expect(source.components == ["main", "contrib"] && source.architecture == "arm64")
        for line in [
            "", "deb", "deb-src http://h a main", "deb http://h bookworm", "deb http://h ./ main",
            "deb http://h ../x main", "deb http://h bookworm ma/../in",
            "deb [arch=a http://h b main",
            "deb [arch=] http://h b main", "deb http://h b?x main",
        ] {
            #expect(PackageSource(apt: line) == nil, "\(line)")
        }
    }
}
