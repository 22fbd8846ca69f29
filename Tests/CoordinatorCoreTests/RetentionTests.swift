import BuildProtocol
import CoordinatorCore
import Testing

/// Which images and logs are removed, and which are kept.
@Suite struct RetentionTests {
    private static let day: Int64 = 86_400_000

    private func kept(
        _ number: Int, of guestOS: String = "debian", _ state: BuildState = .passed,
        ended: Int64 = 0, bytes: Int64 = giB, pinned: Bool = false, released: Bool = false,
        publishes: Bool? = nil, isElsewhere: Bool = false
    ) -> Retention.Kept {
        var build = Build(
            id: "\(guestOS)-\(number)", guestOSID: guestOS, guestOS: guestOS, number: number,
            state: state, priority: 0, owner: "o",
            plan: BuildPlan(
                template: TemplateArchive(sha256: "", sizeBytes: 1),
                recipe: BuildRecipe(builder: .command(["x"])), requirements: Requirements(),
                limits: AttemptLimits()), updateContents: "", submittedMilliseconds: 0,
            endedMilliseconds: ended == 0 ? Int64(number) : ended, isPinned: pinned)
        build.plan.publishes = publishes
        if state == .passed {
            build.image = PublishedImage(
                name: isElsewhere ? "d-remote-images.json" : "", path: "", url: "",
                sizeBytes: bytes, sha256: "", format: isElsewhere ? .file : .qcow2,
                virtualSizeBytes: nil)
        }
        return Retention.Kept(build, isReleased: released)
    }

    private func gone(
        _ kept: [Retention.Kept], _ policy: RetentionPolicy, free: Int64? = nil, now: Int64 = 100
    ) -> [String] {
        Retention.decide(kept, policy, freeBytes: free, nowMilliseconds: now).map(\.build.id)
    }

    @Test("The newest images of each guest OS are kept")
    func newestImages() {
        let all = (1...5).map { kept($0) } + [kept(1, of: "rocky"), kept(2, of: "rocky")]
        #expect(gone(all, RetentionPolicy(goodImages: 2)) == ["debian-1", "debian-2", "debian-3"])
    }

    /// Rows of an older version, or damaged ones.
    @Test("Images whose sizes add up to more than any number holds are removed as others")
    func hugeImages() {
        let all = (1...9_000).map { kept($0, bytes: 1 << 50) }
        let policy = RetentionPolicy(goodImages: 1, minimumFreeBytes: 1 << 50)
        #expect(gone(all, policy, free: 1 << 50).count == 8_999)
    }

    @Test("An image that is not for publication goes by days, and first when space is low")
    func unpublished() {
        let all = [
            kept(1), kept(2, publishes: false), kept(3, publishes: false), kept(4),
            kept(5, pinned: true, publishes: false),
        ]
        let policy = RetentionPolicy(goodImages: 2, unpublishedDays: 7)
        #expect(gone(all, policy, now: 7 * Self.day).isEmpty, "they do not count as good ones")
        #expect(gone(all, policy, now: 8 * Self.day) == ["debian-2", "debian-3"])
        let low = RetentionPolicy(goodImages: 2, unpublishedDays: 7, minimumFreeBytes: 3 * giB)
        #expect(gone(all, low, free: 0) == ["debian-2", "debian-3", "debian-1"])
        #expect(gone(all, low, free: 2 * giB) == ["debian-2"])
    }

    @Test("A pinned or released image is kept")
    func pinnedAndReleased() {
        let all = [kept(1, pinned: true), kept(2, released: true), kept(3), kept(4)]
        #expect(gone(all, RetentionPolicy(goodImages: 1)) == ["debian-3"])
        let old = kept(9, .failed, ended: 1, pinned: true)
        #expect(gone([old], RetentionPolicy(failedDays: 0), now: 90 * Self.day).isEmpty)
    }

    @Test("Failed builds are kept for as many days as the policy says")
    func failedBuilds() {
        let all = [
            kept(1, .failed, ended: 1), kept(2, .cancelled, ended: 2),
            kept(3, .failed, ended: 5 * Self.day),
        ]
        let policy = RetentionPolicy(failedDays: 7)
        #expect(gone(all, policy, now: 7 * Self.day).isEmpty)
        #expect(gone(all, policy, now: 8 * Self.day) == ["debian-1", "debian-2"])
        // A good image older than many failed builds is still the last good one.
        #expect(gone(all + [kept(0)], policy, now: 99 * Self.day).contains("debian-0") == false)
    }

    /// A hundred bytes of the web root would cost an image in a cloud.
    @Test("A full web root removes no build whose image is elsewhere, and the policy does")
    func elsewhere() {
        let all = [kept(1, isElsewhere: true), kept(2), kept(3, isElsewhere: true), kept(4)]
        let policy = RetentionPolicy(goodImages: 9, minimumFreeBytes: 3 * giB)
        #expect(gone(all, policy, free: 0) == ["debian-2"])
        #expect(
            gone(all, RetentionPolicy(goodImages: 1)) == ["debian-1", "debian-2", "debian-3"])
    }

    @Test("A full web root removes the oldest images until there is room")
    func fullWebRoot() throws {
        let all = [
            kept(1, ended: 10), kept(2, ended: 30), kept(3, ended: 50),
            kept(1, of: "rocky", ended: 20), kept(2, of: "rocky", ended: 40),
        ]
        let policy = RetentionPolicy(goodImages: 9, minimumFreeBytes: 3 * giB)
        #expect(gone(all, policy, free: 3 * giB).isEmpty)
        #expect(gone(all, policy, free: 2 * giB) == ["debian-1"])
        #expect(gone(all, policy, free: giB) == ["debian-1", "rocky-1"])
        // However full it is: the newest of each is kept.
        #expect(gone(all, policy, free: 0) == ["debian-1", "rocky-1", "debian-2"])
        #expect(gone(all, policy).isEmpty, "nothing is known of its room")
        let choice = try #require(
            Retention.decide(all, policy, freeBytes: giB, nowMilliseconds: 100).first)
        #expect(choice.reason == "removed early: the web root has 1 GiB free, less than 3 GiB")
    }

    /// The space of images that are removed anyway counts before more are removed.
    @Test("Images removed for their age count as room")
    func agedImagesCount() {
        let all = (1...4).map { kept($0) }
        let policy = RetentionPolicy(goodImages: 2, minimumFreeBytes: 3 * giB)
        #expect(gone(all, policy, free: giB) == ["debian-1", "debian-2"])
    }

    @Test("No protected image is ever removed")
    func protectedImages() {
        for seed in 1...300 {
            var random = Seeded(seed: seed)
            let all = (0..<Int.random(in: 0...60, using: &random)).map { index in
                kept(
                    index, of: random.one(of: ["debian", "rocky", "win"]),
                    random.one(of: [.passed, .passed, .failed, .cancelled]),
                    ended: Int64.random(in: 1...40, using: &random) * Self.day,
                    bytes: Int64.random(in: 0...4, using: &random) * giB,
                    pinned: random.chance(15), released: random.chance(15))
            }
            let policy = RetentionPolicy(
                goodImages: Int.random(in: 1...6, using: &random),
                failedDays: Int.random(in: 0...20, using: &random),
                minimumFreeBytes: Int64.random(in: 0...50, using: &random) * giB)
            let free: Int64? =
                random.chance(80) ? Int64.random(in: 0...40, using: &random) * giB : nil
            let choices = Retention.decide(
                all, policy, freeBytes: free, nowMilliseconds: 41 * Self.day)
            #expect(Set(choices.map(\.build.id)).count == choices.count, "seed \(seed): twice")
            for guestOS in ["debian", "rocky", "win"] {
                let newest = all.filter { $0.guestOS == guestOS && $0.state == .passed }
                    .max { $0.number < $1.number }
                #expect(!choices.contains { $0.build.id == newest?.id }, "seed \(seed)")
            }
            #expect(choices.allSatisfy { !$0.build.isPinned && !$0.build.isReleased })
            #expect(choices.allSatisfy { !$0.reason.isEmpty })
        }
    }
}
