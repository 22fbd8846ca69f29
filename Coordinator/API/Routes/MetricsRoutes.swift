import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// The state of the farm as numbers, in the text format of Prometheus.
enum MetricsRoutes {
    private static let type = "text/plain; version=0.0.4; charset=utf-8"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/metrics") { _, _ in
            var text = metrics(await StorageRoutes.storage(api)) + setup(api)
            text += await standing(api)
            if let leader = api.coordinator.leader {
                text += hosts(await leader.hosts.snapshots())
                text += builds(
                    await leader.tracker.load(), now: api.ports.clock.unixMilliseconds())
            }
            return .text(text, type: type)
        }
    }

    private static func metrics(_ storage: StorageRoutes.Storage) -> String {
        let growing = storage.growing ?? []
        return gauge(
            "aibuild_unusable_rows", "Rows of the database that cannot be used.",
            [("", "\(storage.unusableRows.count)")])
            + gauge(
                "aibuild_stored_items", "Files, repositories or rows of what grows.",
                growing.map { ("{kind=\"\($0.id)\"}", "\($0.items)") })
            + gauge(
                "aibuild_stored_bytes", "Bytes on the disk of what grows.",
                growing.compactMap { amount in
                    amount.bytes.map { ("{kind=\"\(amount.id)\"}", "\($0)") }
                })
            + gauge(
                "aibuild_web_root_free_bytes", "Room for images on the web root's disk.",
                [storage.webRootFreeBytes.map { ("", "\($0)") }].compactMap(\.self))
    }

    private static func setup(_ api: APIContext) -> String {
        gauge(
            "aibuild_setup_problems",
            "What aibuild doctor finds on the coordinator's machine, such as a certificate that "
                + "expires within 14 days.",
            [("", "\(api.setupProblems().count { !$0.isGuess })")])
    }

    private static func standing(_ api: APIContext) async -> String {
        let isLeading = if case .leading = await api.standing() { 1 } else { 0 }
        return gauge(
            "aibuild_leading", "Whether this coordinator leads; of several, one does.",
            [("", "\(isLeading)")])
    }

    private static func hosts(_ hosts: [HostSnapshot]) -> String {
        func each(_ name: String, _ help: String, _ value: (HostSnapshot) -> Int64?) -> String {
            gauge(
                name, help,
                hosts.compactMap { host in
                    value(host).map { ("{host=\"\(host.host.name)\"}", "\($0)") }
                })
        }
        return each("aibuild_host_ready", "Whether the host can be reached and used.") {
            $0.state == "ready" ? 1 : 0
        }
            + each("aibuild_host_drained", "Whether the host is drained.") {
                $0.host.drain == nil ? 0 : 1
            }
            + each("aibuild_host_running_builds", "Builds on the host.") { Int64($0.running) }
            + each("aibuild_host_slots", "Builds that the host takes at once.") {
                ($0.report?.slots).map(Int64.init)
            }
            + each("aibuild_host_disk_free_bytes", "Free space on the host's disk for builds.") {
                $0.report?.diskFreeBytes
            }
            + each("aibuild_host_disk_bytes", "Size of the host's disk for builds.") {
                $0.report?.diskTotalBytes
            }
    }

    private static func builds(_ load: BuildLoad, now: Int64) -> String {
        let waits = load.oldestSubmittedMilliseconds.map { max(0, now &- $0) / 1000 } ?? 0
        return gauge("aibuild_running_builds", "Builds on hosts.", [("", "\(load.running)")])
            + gauge("aibuild_queued_builds", "Builds in the queue.", [("", "\(load.queued)")])
            + gauge(
                "aibuild_oldest_queued_build_seconds",
                "Age of the oldest build in the queue, from its submission; 0 without one.",
                [("", "\(waits)")])
    }

    private static func gauge(
        _ name: String, _ help: String, _ samples: [(labels: String, value: String)]
    ) -> String {
        guard !samples.isEmpty else { return "" }
        return "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
            + samples.map { "\(name)\($0.labels) \($0.value)\n" }.joined()
    }
}
