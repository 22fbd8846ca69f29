import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import MetricsKit

/// The state of the farm as numbers, in the text format of Prometheus: what was counted, and what
/// is known only now.
enum MetricsRoutes {
    private static let type = "text/plain; version=0.0.4; charset=utf-8"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/metrics") { _, _ in
            var samples = storage(await StorageRoutes.storage(api))
            samples += await coordinator(api)
            if let leader = api.coordinator.leader {
                samples += hosts(await leader.hosts.snapshots())
                samples += builds(
                    await leader.tracker.load(), now: api.ports.clock.unixMilliseconds())
            }
            samples += ProcessSamples.now()
            return .text(api.ports.metrics.text(with: samples), type: type)
        }
    }

    private static func storage(_ storage: StorageRoutes.Storage) -> [Sample] {
        let growing = storage.growing ?? []
        return [Sample(FarmMetric.unusableRows, Double(storage.unusableRows.count))]
            + growing.map { Sample(FarmMetric.storedItems, [$0.id], Double($0.items)) }
            + growing.compactMap { amount in
                amount.bytes.map { Sample(FarmMetric.storedBytes, [amount.id], Double($0)) }
            }
            + optional(FarmMetric.webRootFree, storage.webRootFreeBytes)
    }

    private static func coordinator(_ api: APIContext) async -> [Sample] {
        let isLeading = if case .leading = await api.standing() { 1.0 } else { 0.0 }
        return [
            Sample(FarmMetric.info, [api.version], 1),
            Sample(FarmMetric.leading, isLeading),
            Sample(FarmMetric.setupProblems, Double(api.setupProblems().count { !$0.isGuess })),
        ] + optional(FarmMetric.certificateExpiry, api.certificateExpiry())
            + optional(FarmMetric.lastBackup, api.lastBackup())
    }

    private static func hosts(_ hosts: [HostSnapshot]) -> [Sample] {
        var states = Dictionary(
            uniqueKeysWithValues: ["ready", "drained", "connecting", "unreachable", "quarantined"]
                .map { ($0, 0) })
        var slots = ["used": 0, "free": 0, "unavailable": 0]
        var samples: [Sample] = []
        for host in hosts {
            let isReady = host.state == "ready"
            let isDrained = host.host.drain != nil
            states[isReady && isDrained ? "drained" : host.state, default: 0] += 1
            let count = host.report?.slots ?? 0
            let used = min(host.running, count)
            slots["used", default: 0] += used
            slots[isReady && !isDrained ? "free" : "unavailable", default: 0] += count - used
            func add(_ metric: Metric, _ value: Int64?) {
                if let value { samples.append(Sample(metric, [host.host.name], Double(value))) }
            }
            add(FarmMetric.hostReady, isReady ? 1 : 0)
            add(FarmMetric.hostDrained, isDrained ? 1 : 0)
            add(FarmMetric.hostRunning, Int64(host.running))
            add(FarmMetric.hostSlots, (host.report?.slots).map(Int64.init))
            add(FarmMetric.hostDiskFree, host.report?.diskFreeBytes)
            add(FarmMetric.hostDisk, host.report?.diskTotalBytes)
        }
        return samples + states.map { Sample(FarmMetric.hosts, [$0.key], Double($0.value)) }
            + slots.map { Sample(FarmMetric.slots, [$0.key], Double($0.value)) }
    }

    private static func builds(_ load: BuildLoad, now: Int64) -> [Sample] {
        let waits = load.oldestSubmittedMilliseconds.map { max(0, now &- $0) / 1000 } ?? 0
        return [
            Sample(FarmMetric.runningBuilds, Double(load.running)),
            Sample(FarmMetric.oldestQueuedBuild, Double(waits)),
        ]
            + WaitReason.allCases.map {
                Sample(FarmMetric.queuedBuilds, [$0.rawValue], Double(load.waiting[$0] ?? 0))
            }
    }

    private static func optional(_ metric: Metric, _ value: Int64?) -> [Sample] {
        value.map { [Sample(metric, Double($0))] } ?? []
    }
}
