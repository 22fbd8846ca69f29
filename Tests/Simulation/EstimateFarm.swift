import BuildProtocol
import CoordinatorCore

/// The farm of a simulation of estimates: hosts of three speeds, and guest OSes of many durations.
struct EstimateFarm {
    struct GuestOS {
        var name: String
        var owner: String
        var buildSeconds: Int
        var testSeconds: Int?
        /// In hundredths: how far durations are apart.
        var spread: Int
        var needs: Requirements
        var concurrency: Int?
    }

    private static let giB: Int64 = 1 << 30

    private(set) var hosts: [HostView] = []
    /// By host, in hundredths.
    private(set) var pace: [String: Int] = [:]
    private(set) var guestOSes: [GuestOS] = []

    init(_ random: inout SeededGenerator) {
        for index in 0..<10 {
            let name = "kvm\(index < 9 ? "0" : "")\(index + 1)"
            pace[name] = index < 5 ? 100 : index < 8 ? 150 : 240
            hosts.append(
                HostView(
                    name: name, availability: .ready,
                    report: HostReport(
                        slots: index < 8 ? 2 : 1, vcpus: 16, memoryBytes: 64 * Self.giB,
                        diskFreeBytes: 900 * Self.giB, diskTotalBytes: 900 * Self.giB,
                        accelerators: index < 8 ? [.kvm, .tcg] : [.tcg],
                        tags: index < 3 ? ["nested"] : [], unixMilliseconds: 0)))
            hosts[index].report?.runsTests = true
        }
        for index in 0..<40 {
            let seconds = 240 + random.below(60) * random.below(60)
            guestOSes.append(
                GuestOS(
                    name: "os\(index)", owner: "team\(random.below(6))", buildSeconds: seconds,
                    testSeconds: random.below(10) < 6 ? 60 + random.below(420) : nil,
                    spread: 5 + random.below(35),
                    needs: Requirements(
                        vcpus: 2 << random.below(3), memoryBytes: Self.giB << random.below(5),
                        diskBytes: 20 * Self.giB, accelerator: random.below(10) < 8 ? .kvm : nil,
                        tags: random.below(12) == 0 ? ["nested"] : []),
                    concurrency: random.below(8) == 0 ? 1 : nil))
        }
    }

    /// How long one attempt takes: mostly near the usual time, now and then much longer.
    func seconds(
        _ guestOS: GuestOS, _ stage: BuildStage, on host: String, _ random: inout SeededGenerator
    ) -> Int {
        let usual = stage == .build ? guestOS.buildSeconds : guestOS.testSeconds ?? 0
        // The sum of three is near the middle more often than not.
        let around = (0..<3).map { _ in random.below(2 * guestOS.spread + 1) }.reduce(0, +)
        let noise = 100 - guestOS.spread + around * 2 / 3
        let slow = random.below(25) == 0 ? 150 + random.below(100) : 100
        return max(5, usual * noise / 100 * slow / 100 * (pace[host] ?? 100) / 100)
    }
}
