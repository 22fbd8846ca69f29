import BuildProtocol
import CoordinatorCore
import Testing

/// The choice of the host.
@Suite struct PlacementTests {
    // MARK: Room

    @Test("Slots are counted with what runs")
    func slots() {
        let queue = (1...5).map { queued("q\($0)", at: Int64($0)) }
        let busy = [runs("r", on: "a")]
        #expect(world([host("a", slots: 3)], queue, running: busy).starts == ["q1@a", "q2@a"])
    }

    @Test("A build that has left its host takes no slot")
    func publishingTakesNoSlot() {
        let publishing = [runs("r", on: nil)]
        #expect(world([host("a", slots: 1)], [queued("q")], running: publishing).starts == ["q@a"])
    }

    @Test("vCPUs are counted")
    func vcpusAreCounted() {
        let queue = (1...3).map { queued("q\($0)", needs(vcpus: 2), at: Int64($0)) }
        let here = [host("a", slots: 9, vcpus: 5)]
        #expect(world(here, queue).starts == ["q1@a", "q2@a"])
        #expect(
            world(here, queue, running: [runs("r", on: "a", needs(vcpus: 2))]).starts == ["q1@a"]
        )
    }

    @Test("Memory is counted")
    func memoryIsCounted() {
        let queue = (1...3).map { queued("q\($0)", needs(memory: 4 * giB), at: Int64($0)) }
        let here = [host("a", slots: 9, memory: 9 * giB)]
        #expect(world(here, queue).starts == ["q1@a", "q2@a"])
        #expect(
            world(here, queue, running: [runs("r", on: "a", needs(memory: 4 * giB))]).starts
                == ["q1@a"])
    }

    @Test("Disk is reserved for starts, and not twice for running builds")
    func diskReservation() {
        let queue = (1...3).map { queued("q\($0)", needs(disk: 4 * giB), at: Int64($0)) }
        let here = [host("a", slots: 9, disk: 9 * giB)]
        #expect(world(here, queue).starts == ["q1@a", "q2@a"])
        // The host's report already subtracts what its attempts reserve.
        #expect(
            world(here, queue, running: [runs("r", on: "a", needs(disk: 4 * giB))]).starts
                == ["q1@a", "q2@a"])
    }

    @Test("Exactly enough is enough")
    func exactFit() {
        let all = needs(vcpus: 4, memory: 8 * giB, disk: 16 * giB)
        let here = host("a", slots: 1, vcpus: 4, memory: 8 * giB, disk: 16 * giB)
        #expect(world([here], [queued("q", all)], webRoot: 16 * giB).starts == ["q@a"])
    }

    @Test("A guest OS runs no more builds than its concurrency")
    func concurrency() {
        let queue =
            (1...3).map { queued("d\($0)", guestOS: "debian", at: Int64($0), concurrency: 2) }
            + [queued("w1", guestOS: "windows", at: 9, concurrency: 1)]
        let hosts = [host("a", slots: 9)]
        #expect(world(hosts, queue).starts == ["d1@a", "d2@a", "w1@a"])
        #expect(
            world(hosts, queue, running: [runs("r", on: "a", guestOS: "debian")]).starts
                == ["d1@a", "w1@a"])
        // A build that is being published still counts for its guest OS.
        #expect(
            world(hosts, queue, running: [runs("r", on: nil, guestOS: "windows")]).starts
                == ["d1@a", "d2@a"])
    }

    @Test("The web root has room for what is started")
    func webRootRoom() {
        let queue = (1...3).map { queued("q\($0)", needs(disk: 4 * giB), at: Int64($0)) }
        #expect(world([host("a", slots: 9)], queue, webRoot: 9 * giB).starts == ["q1@a", "q2@a"])
        #expect(world([host("a", slots: 9)], queue, webRoot: nil).starts.count == 3, "not known")
    }

    // MARK: Filters

    @Test("A host must have every tag")
    func tags() {
        let queue = [queued("q", needs(tags: ["ssd", "win"]))]
        let hosts = [
            host("a", tags: ["ssd"]), host("b", tags: ["win"]),
            host("c", tags: ["ssd", "win", "x"]),
        ]
        #expect(world(hosts, queue).starts == ["q@c"])
    }

    @Test("A host must have the accelerator")
    func accelerator() {
        let hosts = [
            host("a", accelerators: [.tcg]), host("b", accelerators: [.kvm, .tcg]),
        ]
        #expect(world(hosts, [queued("q", needs(accelerator: .kvm))]).starts == ["q@b"])
        #expect(world(hosts, [queued("q", needs(accelerator: .tcg))]).starts == ["q@a"])
        #expect(world(hosts, [queued("q")]).starts == ["q@a"], "any will do")
    }

    @Test(
        "Only ready hosts get builds",
        arguments: [
            HostView.Availability.away("no route"), .drained,
            .quarantined(remainingMilliseconds: 10, "is quarantined"),
        ])
    func readyHosts(_ availability: HostView.Availability) {
        #expect(world([host("a", availability)], [queued("q")]).starts.isEmpty)
        #expect(world([host("a", availability), host("b")], [queued("q")]).starts == ["q@b"])
    }

    // MARK: Choice

    @Test("The host with the base image is preferred")
    func cachedBaseImage() {
        let digest = String(repeating: "a", count: 64)
        let hosts = [host("a", slots: 8), host("b", slots: 8, baseImages: [digest])]
        let busy = (1...4).map { runs("r\($0)", on: "b") }
        #expect(world(hosts, [queued("q", baseImage: digest)], running: busy).starts == ["q@b"])
        #expect(world(hosts, [queued("q")], running: busy).starts == ["q@a"])
    }

    @Test("Builds are spread over the emptiest hosts")
    func spread() {
        let hosts = [host("a", slots: 4), host("b", slots: 4), host("c", slots: 2)]
        let queue = (1...4).map { queued("q\($0)", at: Int64($0)) }
        let busy = [runs("r", on: "a")]
        #expect(
            world(hosts, queue, running: busy).starts == ["q1@b", "q2@c", "q3@a", "q4@b"])
    }

    // MARK: Retries

    @Test("A retry goes to another host")
    func retryElsewhere() {
        let queue = [queued("q", failed: ["a"])]
        #expect(world([host("a"), host("b")], queue).starts == ["q@b"])
    }

    @Test("A retry waits for another host that is busy")
    func retryWaitsForBusyHost() {
        let queue = [queued("q", failed: ["a"])]
        let busy = [runs("r", on: "b")]
        let hosts = [host("a"), host("b", slots: 1)]
        #expect(world(hosts, queue, running: busy).starts.isEmpty)
        #expect(
            world(hosts, queue, running: busy).reason("q", "a")
                == "failed this build before; another host is preferred")
    }

    @Test("A retry goes back if no other host could ever take it")
    func retryOnOnlyHost() {
        let queue = [queued("q", needs(tags: ["win"]), failed: ["a"])]
        #expect(world([host("a", tags: ["win"]), host("b")], queue).starts == ["q@a"])
        #expect(world([host("a", tags: ["win"])], queue).starts == ["q@a"])
        #expect(
            world([host("a", tags: ["win"]), host("b", tags: ["win"], .drained)], queue).starts
                == ["q@a"], "an admin took the other out")
        let everywhere = [queued("q", failed: ["a", "b"])]
        #expect(world([host("a"), host("b")], everywhere).starts == ["q@a"])
    }

    /// Otherwise a host that is gone for good would keep the build waiting for ever.
    @Test("A retry goes back if the other host is unreachable")
    func retryIfOtherIsUnreachable() {
        let queue = [queued("q", failed: ["a"])]
        #expect(world([host("a"), host("b", .away("no route"))], queue).starts == ["q@a"])
        let quarantined = HostView.Availability.quarantined(
            remainingMilliseconds: 10, "is quarantined")
        #expect(
            world([host("a"), host("b", quarantined)], queue).starts.isEmpty,
            "a quarantine ends by itself")
    }

    // MARK: Never

    @Test("A build that no host can ever take fails at once, with each reason")
    func impossibleBuild() throws {
        let hosts = [
            host("a", vcpus: 4), host("b", memory: 4 * giB),
            host("c", disk: 9 * giB, diskTotal: 10 * giB),
            host("d", accelerators: []), host("e", slots: 0, tags: ["big"]),
            host("f", accelerators: [.kvm, .tcg]),
        ]
        let huge = needs(
            vcpus: 8, memory: 8 * giB, disk: 20 * giB, accelerator: .tcg, tags: ["big"])
        let tagged = hosts.map { view in
            var view = view
            if view.name != "f" { view.report?.tags.insert("big") }
            return view
        }
        let fault = try #require(world(tagged, [queued("q", huge), queued("ok")]).failures["q"])
        #expect(fault.class == .template)
        #expect(fault.code == .impossible)
        for reason in [
            "a: needs 8 vCPUs, the host has 4", "b: needs 8 GiB of memory, the host has 4 GiB",
            "c: needs 20 GiB of disk, the host has 10 GiB",
            "d: needs accelerator tcg, the host has ", "e: has no slots", "f: lacks the tag big",
        ] {
            #expect(fault.reason.contains(reason), "\(fault.reason)")
        }
        #expect(fault.reason.contains("Lower the requirements in aibuild.yml, or add a host"))
    }

    @Test("All builds of an impossible shape fail")
    func impossibleShape() {
        let queue = (1...3).map { queued("q\($0)", needs(vcpus: 100), at: Int64($0)) }
        #expect(world([host("a")], queue).failures.keys.sorted() == ["q1", "q2", "q3"])
    }

    @Test("A host that has not reported may take the build")
    func unreportedHost() {
        var unknown = host("new", .away("is being connected to"))
        unknown.report = nil
        let queue = [queued("q", needs(vcpus: 100))]
        #expect(world([host("a"), unknown], queue).failures.isEmpty)
        #expect(world([host("a")], queue).failures.count == 1)
    }

    @Test("A build that an unreachable host could take is not impossible")
    func unreachableHost() {
        let queue = [queued("q", needs(tags: ["win"]))]
        for state in [HostView.Availability.away("no route"), .drained] {
            #expect(world([host("a"), host("b", tags: ["win"], state)], queue).failures.isEmpty)
        }
    }

    @Test("Resources that are only in use do not make a build impossible")
    func busyHost() {
        let queue = [queued("q", needs(vcpus: 4, disk: 500 * giB))]
        let hosts = [host("a", vcpus: 4, disk: giB, diskTotal: 1000 * giB)]
        let busy = [runs("r", on: "a", needs(vcpus: 4))]
        #expect(Scheduler.decide(world(hosts, queue, running: busy)).isEmpty)
    }
}
