import BuildProtocol
import CoordinatorCore
import Testing

/// Failures are recognized by their first error, and say what they have in common.
@Suite("Failure fingerprints") struct FailureTests {
    private func fingerprint(
        _ reason: String, _ code: FaultCode = .packerFailed
    ) -> FailureFingerprint {
        FailureFingerprint(Fault(.template, code, reason))
    }

    @Test(
        "What differs each time does not make another error",
        arguments: [
            (
                "E: Version '6.1.158-1' for 'linux-image' was not found (line 1204 of the log)",
                "E: Version '#' for 'linux-image' was not found"
            ),
            (
                "curl: (22) https://m.example/debian/dists?token=s3cr3t#top returned error: 503",
                "curl: (#) https://m.example/debian/dists returned error: #"
            ),
            (
                "/tmp/tmp.aB9xQ/setup.sh: line 7: foo: command not found",
                "/tmp/*/setup.sh: line #: foo: command not found"
            ),
            (
                "cannot open /var/lib/a/attempts/0f3c9a1be2d44c5f/disk.img at 12:03:04",
                "cannot open /var/lib/a/attempts/#/disk.img at #"
            ),
            (
                "build 43db50f3-eae9-4dff-a1f5-1dd3575d2da3 of 2026-11-30   is gone",
                "build # of # is gone"
            ),
            ("Kernel panic - not syncing: VFS", "Kernel panic - not syncing: VFS"),
        ])
    func normalises(_ reason: String, _ text: String) {
        #expect(fingerprint(reason).text == text)
        #expect(fingerprint(reason).id.utf8.count == 16)
        #expect(fingerprint(reason).step == nil)
    }

    @Test("The step is kept beside the error, and its number with it")
    func step() {
        let first = fingerprint(
            "provisioner 2 (install.sh) failed: E: no foo-1 (line 9 of the log)\n> 9 | E: no foo-1")
        #expect(first.step == "provisioner 2 (install.sh)")
        #expect(first.text == "E: no foo-#")
        let other = fingerprint("provisioner 3 (late.sh) failed: E: no foo-2 (line 10 of the log)")
        #expect(other.id == first.id && other.step == "provisioner 3 (late.sh)")
        #expect(fingerprint("E: no foo-1", .testFailed).id != first.id, "another kind of fault")
    }

    @Test("Whatever a program prints gives a short text")
    func bounded() {
        for reason in ["", "\n", String(repeating: "é1f", count: 90_000), "a\u{0}\u{202E}b ://?"] {
            let found = fingerprint(reason)
            #expect(found.text.utf8.count <= 240 && found.id.utf8.count == 16)
            #expect(!found.text.unicodeScalars.contains("\u{202E}"))
        }
    }

    // MARK: What failures have in common

    private static let day: Int64 = 86_400_000
    /// A Friday.
    private static let now = 20_000 * day + 43_200_000

    private func record(
        _ number: UInt64, on host: String, daysAgo: Int64, guestOS: String = "debian",
        image: String? = "a.img", commit: String? = "c1", _ reason: String = "no disk"
    ) -> FailureRecord {
        FailureRecord(
            attempt: AttemptToken(high: 0, low: number), build: "b\(number)", guestOS: guestOS,
            number: Int(number), host: host, fingerprint: fingerprint(reason), baseImage: image,
            commit: commit, atMilliseconds: Self.now - daysAgo * Self.day)
    }

    private func passed(on host: String, daysAgo: Int64, image: String, commit: String) -> Build {
        let plan = BuildPlan(
            template: TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 1),
            commit: commit,
            recipe: BuildRecipe(
                builder: .packer(template: "t.json"), variables: [:],
                baseImage: BaseImage(url: "https://m/\(image)?x=1", sha256: nil)),
            requirements: needs(), limits: AttemptLimits(totalSeconds: 10))
        var build = Build(
            id: "p", guestOSID: "g", guestOS: "debian", number: 1, priority: 0, owner: "o",
            plan: plan, updateContents: "", submittedMilliseconds: 0)
        build.state = .passed
        build.host = host
        build.endedMilliseconds = Self.now - daysAgo * Self.day
        return build
    }

    private func words(_ records: [FailureRecord], _ passed: [Build] = []) -> String? {
        var group = FailureGroup(records)
        group?.compare(records, passed: passed)
        return group?.words(at: Self.now)
    }

    @Test("People read how often, since when, and where")
    func where_() {
        let four = [
            record(4, on: "kvm7", daysAgo: 0), record(3, on: "kvm7", daysAgo: 1),
            record(2, on: "kvm1", daysAgo: 2), record(1, on: "kvm7", daysAgo: 3),
        ]
        #expect(words(four) == "same first error 4 times since Tuesday, 3 of them on kvm7")
        #expect(
            words([four[0], four[1]]) == "same first error 2 times since Thursday, all on kvm7")
        #expect(words([four[0]]) == "this first error for the first time")
        #expect(words([]) == nil)
        let old = [four[0], record(5, on: "kvm2", daysAgo: 9, guestOS: "arch")]
        #expect(
            words(old)
                == "same first error 2 times since 2024-09-25, on 2 hosts, of 2 guest OSes")
    }

    @Test("A host, a base image or a commit is named if what passed speaks for it")
    func evidence() {
        let two = [record(2, on: "kvm7", daysAgo: 1), record(1, on: "kvm7", daysAgo: 3)]
        let elsewhere = passed(on: "kvm1", daysAgo: 2, image: "a.img", commit: "c1")
        #expect(
            words(two, [elsewhere])?.hasSuffix("; other hosts than kvm7 built it meanwhile")
                == true)
        let there = passed(on: "kvm7", daysAgo: 2, image: "a.img", commit: "c1")
        #expect(words(two, [there])?.hasSuffix(", all on kvm7") == true)
        let other = passed(on: "kvm7", daysAgo: 2, image: "b.img", commit: "c1")
        #expect(words(two, [other])?.hasSuffix("; only on base image a.img") == true)
        let before = passed(on: "kvm7", daysAgo: 5, image: "a.img", commit: "c0")
        #expect(words(two, [before])?.hasSuffix("; only since commit c1") == true)
        let same = passed(on: "kvm7", daysAgo: 5, image: "a.img", commit: "c1")
        #expect(words(two, [same])?.hasSuffix(", all on kvm7") == true)
        #expect(words(two, [])?.hasSuffix(", all on kvm7") == true)
    }

    @Test("Groups are listed by how often they happen")
    func groups() {
        let groups = FailureGroup.groups([
            record(4, on: "a", daysAgo: 0, "no net"), record(3, on: "a", daysAgo: 1),
            record(2, on: "b", daysAgo: 2), record(1, on: "b", daysAgo: 3, "other"),
        ])
        #expect(groups.map(\.count) == [2, 1, 1])
        #expect(groups.map(\.fingerprint.text) == ["no disk", "no net", "other"])
        #expect(groups[0].hosts.map(\.name) == ["a", "b"] && groups[0].lastBuild == "debian:3")
    }
}
