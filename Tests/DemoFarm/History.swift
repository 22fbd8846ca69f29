import BuildProtocol
import CoordinatorCore
import Support

/// Builds and releases of some days, the same each time but for the day on which they end.
struct History {
    private let store: any LeaderStore
    private let reader: any Store
    private let logs: any LogStore
    private let now: Int64
    private let days: Int

    private static let day: Int64 = 86_400_000
    private static let minute: Int64 = 60_000

    init(writer: any LeaderStore, reader: any Store, logs: any LogStore, now: Int64, days: Int) {
        store = writer
        self.reader = reader
        self.logs = logs
        self.now = now
        self.days = days
    }

    func write() async throws {
        let start = now - Int64(days) * Self.day
        guard try await reader.guestOSes(after: nil, limit: 1).isEmpty else { return }
        for host in Catalog.hosts(createdMilliseconds: start) { try await store.add(host) }
        for image in Catalog.images {
            try await store.add(Catalog.guestOS(image, createdMilliseconds: start))
        }
        for (index, name) in ["lab", "staging", "prod"].enumerated() {
            var policy = ReleasePolicy()
            policy.needsApproval = name == "prod"
            try await store.add(
                ReleaseEnvironment(
                    id: "env-\(index)", name: name,
                    settings: .openstack(
                        OpenStackSettings(authURL: "https://\(name).example.org:5000/v3")),
                    policy: policy, createdMilliseconds: start), secret: nil)
        }
        var chance = SeededChance()
        for (place, image) in Catalog.images.enumerated() {
            try await write(image, place, &chance, since: start)
        }
    }

    private func write(
        _ image: Catalog.Image, _ place: Int, _ chance: inout SeededChance, since start: Int64
    ) async throws {
        let step = Self.day / Int64(image.perDay)
        var time = start + Int64(place) * 7 * Self.minute
        var number = 0
        var newest: Build?
        // What is new at the end is still in the queue or running.
        while time < now - Int64(image.minutes + 20) * Self.minute {
            number += 1
            let isBroken = place % 9 == 4 && time > now - Self.day
            newest = try await write(image, number, at: time, isBroken: isBroken, &chance)
            time += step
        }
        guard let newest, newest.state == .passed, place % 3 == 0 else { return }
        for environment in ["lab", "staging"] + (place % 2 == 0 ? ["prod"] : []) {
            try await release(newest, to: environment)
        }
    }

    private func write(
        _ image: Catalog.Image, _ number: Int, at time: Int64, isBroken: Bool,
        _ chance: inout SeededChance
    ) async throws -> Build {
        let id = "\(image.name)-\(number)"
        _ = try await store.enqueue(
            NewBuild(
                id: id, guestOSID: "os-" + image.name, guestOS: image.name, priority: 0,
                owner: image.owner, plan: Catalog.plan(image.name),
                updateContents: number % 4 == 0
                    ? "push: packages of the week" : "schedule: nightly",
                submittedMilliseconds: time))
        let token = AttemptToken(high: UInt64(time), low: UInt64(number))
        let start = time + Int64(chance.below(240)) * 1_000
        let seconds = image.minutes * 60 * (85 + chance.below(35)) / 100
        let end = start + Int64(seconds) * 1_000
        let host = "kvm" + (chance.below(4) == 0 ? "07" : "\(10 + chance.below(30))")
        _ = try await store.apply(
            BuildChange(
                build: id, from: [.queued], owner: nil, to: .building, atMilliseconds: start,
                begin: Attempt(
                    token: token, build: id, ordinal: 1, host: host, startedMilliseconds: start)))
        let fails = isBroken || chance.below(22) == 0
        let fault = fails ? Catalog.fault(isBroken ? 0 : chance.below(Catalog.faults.count)) : nil
        if end > now - Self.day { try await writeLog(token, image, start, seconds, fault) }
        let change = BuildChange(
            build: id, from: [.building], owner: token, to: fault == nil ? .passed : .failed,
            atMilliseconds: end,
            end: AttemptEnd(
                outcome: Outcome(fault: fault, exitCode: fault == nil ? 0 : 1), logBytes: 40_000,
                accelerator: .kvm,
                artifacts: fault == nil ? [artifact(image, number)] : []),
            fault: fault, image: fault == nil ? published(image, number, time) : nil)
        guard let build = try await store.apply(change) else {
            throw HostFault(.refused, "the store refused the history of \(id)")
        }
        return build
    }

    private func artifact(_ image: Catalog.Image, _ number: Int) -> Artifact {
        Artifact(
            name: "disk.qcow2", sizeBytes: image.sizeBytes + Int64(number) << 20,
            sha256: SHA256.hex("\(image.name)\(number)".utf8), format: .qcow2,
            virtualSizeBytes: 20 << 30)
    }

    private func published(
        _ image: Catalog.Image, _ number: Int, _ time: Int64
    ) -> PublishedImage {
        let made = artifact(image, number)
        let name = "\(image.name)x86_64_\(number).qcow2"
        let path = "images/release/\(image.name)/\(name)"
        return PublishedImage(
            name: name, path: path, url: "http://127.0.0.1/\(path)", sizeBytes: made.sizeBytes,
            sha256: made.sha256, format: .qcow2, virtualSizeBytes: made.virtualSizeBytes)
    }

    private func writeLog(
        _ token: AttemptToken, _ image: Catalog.Image, _ start: Int64, _ seconds: Int,
        _ fault: Fault?
    ) async throws {
        let lines = DemoLog.lines(image.name, fault)
        let text = lines.enumerated().map { index, line in
            let time = start + Int64(seconds) * 1_000 * Int64(index) / Int64(lines.count)
            return "{\"t\":\(time),\"s\":\"out\",\"m\":\"\(line)\"}\n"
        }.joined()
        _ = try await logs.append(token, at: 0, Array(text.utf8))
    }

    private func release(_ build: Build, to environment: String) async throws {
        let time = min(now - Self.minute, (build.endedMilliseconds ?? now) + 5 * Self.minute)
        let id = "release-\(build.id)-\(environment)"
        let waits = environment == "prod" && build.number % 2 == 0
        try await store.add(
            Release(
                id: id, build: build, environment: environment,
                state: waits ? .awaitingApproval : .queued, requestedBy: "anna",
                createdMilliseconds: time))
        guard !waits else { return }
        var begin = ReleaseChange(
            release: id, from: [.queued], to: .running, atMilliseconds: time + 1_000)
        begin.begins = true
        _ = try await store.apply(begin)
        var end = ReleaseChange(
            release: id, from: [.running], attempt: 1, to: .released,
            atMilliseconds: time + 40_000)
        end.result = ReleaseResult(
            remoteID: String(SHA256.hex(id.utf8).prefix(32)), notes: ["1.2 GiB in 31 s"])
        _ = try await store.apply(end)
    }
}

/// The same numbers in every run.
struct SeededChance {
    private var state: UInt64 = 20_261_130

    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(max(1, limit)))
    }
}

enum DemoLog {
    /// Where it says what failed, if something did.
    static let errorLine = 401

    /// What Packer prints, with the colours that it has on a terminal.
    static func lines(_ name: String, _ fault: Fault?) -> [String] {
        let green = "\\u001b[1;32m"
        let end = "\\u001b[0m"
        var lines = [
            "\(green)qemu.\(name): output will be in this color.\(end)",
            "\(green)==> qemu.\(name): Retrieving ISO\(end)",
            "\(green)==> qemu.\(name): Starting VM, booting from CD-ROM\(end)",
            "\(green)==> qemu.\(name): Waiting for SSH to become available...\(end)",
            "\(green)==> qemu.\(name): Connected to SSH!\(end)",
            "\(green)==> qemu.\(name): Provisioning with shell script: packages.sh\(end)",
        ]
        for number in lines.count..<errorLine - 1 {
            lines.append(
                "    qemu.\(name): Get:\(number) http://mirror/debian main package-\(number)")
        }
        if let fault {
            lines.append("\\u001b[1;31m==> qemu.\(name): \(fault.reason)\(end)")
        }
        lines.append("\(green)==> qemu.\(name): Gracefully halting virtual machine...\(end)")
        return lines
    }
}
