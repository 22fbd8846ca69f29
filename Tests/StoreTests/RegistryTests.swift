import CoordinatorCore
import Testing

/// Guest OSes, hosts and the audit log.
@Suite(.timeLimit(.minutes(3))) struct RegistryTests {
    @Test("A guest OS is read as it was stored, and keeps its name", arguments: StoreKind.allCases)
    func guestOSRoundTrip(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let first = Samples.guestOS("win2016")
            try await leader.add(first)
            #expect(try await store.guestOS(named: "win2016") == first)
            #expect(try await store.guestOS(named: "WIN2016") == nil)
            #expect(try await store.guestOS(named: "win2016 ") == nil)

            var changed = first
            changed.type = .linux
            changed.distro = "Ubuntu"
            changed.version = "16.04"
            changed.baseISO = ""
            changed.template = .folder(path: "/srv/tpl")
            changed.owner = "team-b"
            changed.createdMilliseconds = 5
            changed.name = "other"
            try await leader.update(changed)
            #expect(try await store.guestOS(named: "other") == nil, "a name never changes")
            changed.name = "win2016"
            #expect(try await store.guestOS(named: "win2016") == changed)
        }
    }

    @Test(
        "A guest OS without builds can be removed, another one retired",
        arguments: StoreKind.allCases)
    func removing(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for name in ["debian8", "debian9", "win10"] {
                try await leader.add(Samples.guestOS(name))
            }
            try await leader.removeGuestOS(named: "debian8")
            #expect(try await store.guestOS(named: "debian8") == nil)
            await #expect(throws: StoreError.notFound(what: .guestOS, name: "debian8")) {
                try await leader.removeGuestOS(named: "debian8")
            }
            _ = try await leader.enqueue(Samples.build("b1", of: "debian9"))
            await #expect(throws: StoreError.hasBuilds("debian9")) {
                try await leader.removeGuestOS(named: "debian9")
            }
            _ = try await leader.record(
                BuildLogEntry(
                    id: "l1", imageName: "w", guestOSName: "win10", builtMilliseconds: 1,
                    updateContents: nil, getURL: nil))
            await #expect(throws: StoreError.hasBuilds("win10"), "what the original built counts") {
                try await leader.removeGuestOS(named: "win10")
            }
            var retired = Samples.guestOS("debian9")
            retired.isRetired = true
            retired.grants = [
                GuestOSGrant(.team("web"), .operator, grantedMilliseconds: 7),
                GuestOSGrant(.user("ü@x"), .releaseManager, grantedMilliseconds: 8),
            ]
            try await leader.update(retired)
            #expect(try await store.guestOS(named: "debian9") == retired)
            retired.template = .missing
            retired.templatePath = nil
            retired.variables = [:]
            try await leader.update(retired)
            #expect(try await store.guestOS(named: "debian9") == retired)
        }
    }

    @Test("A name is changed only as long as nothing has it", arguments: StoreKind.allCases)
    func renaming(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("win 10"))
            try await leader.add(Samples.guestOS("debian9"))
            _ = try await leader.record(
                BuildLogEntry(
                    id: "b1", imageName: "w", guestOSName: "win 10", builtMilliseconds: 1,
                    updateContents: nil, getURL: nil))
            try await leader.rename(.guestOS, "win 10", to: "win10")
            #expect(try await store.guestOS(named: "win10")?.id == "id-win 10")
            #expect(try await store.guestOS(named: "win 10") == nil)
            let entry = try await store.buildLog(imageName: "w", limit: 1).first
            #expect(entry?.guestOSName == "win10", "its history follows")
            await #expect(throws: StoreError.exists(what: .guestOS, name: "debian9")) {
                try await leader.rename(.guestOS, "win10", to: "debian9")
            }
            _ = try await leader.enqueue(Samples.build("b1", of: "debian9"))
            await #expect(throws: StoreError.isUsed(.guestOS, "debian9")) {
                try await leader.rename(.guestOS, "debian9", to: "debian10")
            }
            await #expect(throws: StoreError.notFound(what: .environment, name: "none")) {
                try await leader.rename(.environment, "none", to: "some")
            }
        }
    }

    @Test("A name is taken once", arguments: StoreKind.allCases)
    func uniqueNames(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("debian9"))
            await #expect(throws: StoreError.exists(what: .guestOS, name: "debian9")) {
                try await leader.add(Samples.guestOS("debian9", id: "another"))
            }
            try await leader.add(Samples.guestOS("Debian9"))
            await #expect(throws: StoreError.notFound(what: .guestOS, name: "centos7")) {
                try await leader.update(Samples.guestOS("centos7"))
            }
            try await leader.add(Samples.host("kvm1"))
            await #expect(throws: StoreError.exists(what: .host, name: "kvm1")) {
                try await leader.add(Samples.host("kvm1"))
            }
        }
    }

    @Test(
        "Guest OSes are listed by the bytes of their names, by page",
        arguments: StoreKind.allCases)
    func guestOSPages(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let names = ["b", "a10", "Z", "a9", "a-1"]
            for name in names { try await leader.add(Samples.guestOS(name)) }
            let all = try await store.guestOSes(after: nil, limit: 10).map(\.name)
            #expect(all == ["Z", "a-1", "a10", "a9", "b"], "in the order of the bytes")
            #expect(try await store.guestOSes(after: nil, limit: 2).map(\.name) == ["Z", "a-1"])
            #expect(
                try await store.guestOSes(after: "a-1", limit: 2).map(\.name) == ["a10", "a9"])
            #expect(try await store.guestOSes(after: "b", limit: 2).isEmpty)
        }
    }

    @Test("Hosts are added, drained, resumed and removed", arguments: StoreKind.allCases)
    func hosts(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for name in ["kvm2", "kvm1"] { try await leader.add(Samples.host(name)) }
            #expect(try await store.hosts() == [Samples.host("kvm1"), Samples.host("kvm2")])
            try await leader.setDrain(HostDrain(), host: "kvm2")
            try await leader.setDrain(HostDrain(), host: "kvm2")
            #expect(try await store.hosts().map { $0.drain != nil } == [false, true])
            let drain = HostDrain(note: "neue Platten", deadlineMilliseconds: 1_764_000_000_000)
            try await leader.setDrain(drain, host: "kvm2")
            #expect(try await store.hosts().map(\.drain) == [nil, drain])
            try await leader.setDrain(nil, host: "kvm2")
            #expect(try await store.hosts().map { $0.drain != nil } == [false, false])
            var moved = Samples.host("kvm2")
            moved.address = "aibuild@[2001:db8::2]:2222"
            moved.hostKey = "ssh-ed25519 BBBB"
            moved.variables = ["mirror": "http://ü", "empty": ""]
            moved.drain = HostDrain()
            try await leader.update(moved)
            moved.drain = nil
            #expect(try await store.hosts().last == moved)
            moved.variables = [:]
            try await leader.update(moved)
            #expect(try await store.hosts().last == moved)
            var third = Samples.host("kvm3")
            third.variables = ["a": "b"]
            try await leader.add(third)
            #expect(try await store.hosts().last == third)
            try await leader.removeHost("kvm3")
            try await leader.removeHost("kvm1")
            #expect(try await store.hosts().map(\.name) == ["kvm2"])
            await #expect(throws: StoreError.notFound(what: .host, name: "kvm1")) {
                try await leader.update(Samples.host("kvm1"))
            }
            await #expect(throws: StoreError.notFound(what: .host, name: "kvm1")) {
                try await leader.removeHost("kvm1")
            }
            await #expect(throws: StoreError.notFound(what: .host, name: "kvm1")) {
                try await leader.setDrain(HostDrain(), host: "kvm1")
            }
        }
    }

    @Test("The audit log is listed newest first", arguments: StoreKind.allCases)
    func auditOrder(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let entries = (1...5).map { number in
                AuditEntry(
                    // Within one millisecond the order is the order of the calls.
                    atMilliseconds: 1_700_000_000_000, actor: "admin", action: "host.drain",
                    subject: "kvm\(number)", detail: "détail \(number)")
            }
            for entry in entries { try await store.record(entry) }
            let newest = try await store.audit(limit: 3)
            #expect(newest.map(\.unnumbered) == Array(entries.reversed().prefix(3)))
            #expect(try await store.audit(limit: 10).count == 5)
        }
    }

    @Test("Old entries of the audit log are removed, oldest first", arguments: StoreKind.allCases)
    func oldAudit(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            // The fourth was made by a coordinator whose clock is behind.
            for time in [10, 20, 30, 5, 40] as [Int64] {
                try await store.record(
                    AuditEntry(
                        atMilliseconds: time, actor: "admin", action: "host.drain",
                        subject: "kvm1"))
            }
            func left() async throws -> [Int64] {
                try await store.audit(limit: 9).map(\.atMilliseconds)
            }
            #expect(try await leader.removeAudit(before: 30, limit: 1) == 1)
            #expect(try await left() == [40, 5, 30, 20])
            #expect(try await leader.removeAudit(before: 30, limit: 9) == 1)
            #expect(try await left() == [40, 5, 30], "what is newer keeps what follows it")
            #expect(try await leader.removeAudit(before: 30, limit: 9) == 0)
            #expect(try await leader.removeAudit(before: 41, limit: 9) == 3)
            #expect(try await left().isEmpty)
        }
    }

    @Test("A store that is open answers a ping", arguments: StoreKind.allCases)
    func ping(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in try await store.ping() }
    }
}
