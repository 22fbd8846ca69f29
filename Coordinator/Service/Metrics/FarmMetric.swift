public import MetricsKit

/// Everything that `/metrics` has. Labels are words of the program, or names that an administrator
/// registered (hosts, places of notifications, hooks): never a path, an address or a guest's text.
public enum FarmMetric {
    /// From a script of seconds to a Windows installation of half a day.
    private static let stages = Metric.Kind.histogram(
        [10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200])
    /// Answers are expected within 50 ms.
    private static let answers = Metric.Kind.histogram([0.005, 0.025, 0.05, 0.1, 0.5, 2.5, 10])
    /// A statement takes less than a millisecond, or waits for a lock.
    private static let statements = Metric.Kind.histogram([0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10])

    // MARK: The coordinator

    public static let info = Metric(
        "aibuild_coordinator_info", .gauge, ["version"], "The version of this coordinator; 1.")
    public static let leading = Metric(
        "aibuild_leading", .gauge, "Whether this coordinator leads; of several, one does.")
    public static let leaseEpoch = Metric(
        "aibuild_lease_epoch", .gauge,
        "Number of the lease; it grows whenever another coordinator begins to lead.")
    public static let leaseChanges = Metric(
        "aibuild_lease_changes_total", .counter,
        "Changes of the leader that this coordinator has seen.")
    public static let certificateExpiry = Metric(
        "aibuild_certificate_expiry_timestamp_seconds", .gauge,
        "When the API's certificate expires, as a Unix time; absent without one.")
    public static let lastBackup = Metric(
        "aibuild_last_backup_timestamp_seconds", .gauge,
        "When the last backup was complete, as a Unix time; absent if none was made.")
    public static let setupProblems = Metric(
        "aibuild_setup_problems", .gauge,
        "What aibuild doctor finds on the coordinator's machine.")

    // MARK: Builds

    public static let runningBuilds = Metric(
        "aibuild_running_builds", .gauge, "Builds on hosts.")
    public static let queuedBuilds = Metric(
        "aibuild_queued_builds", .gauge, ["reason"], "Builds in the queue, by why they wait.")
    public static let oldestQueuedBuild = Metric(
        "aibuild_oldest_queued_build_seconds", .gauge,
        "Age of the oldest build in the queue, from its submission; 0 without one.")
    public static let builds = Metric(
        "aibuild_builds_total", .counter, ["result"],
        "Builds that have ended: passed, failed or cancelled.")
    public static let buildDuration = Metric(
        "aibuild_build_duration_seconds", stages, ["result"],
        "Time from the submission of a build to its end.")
    public static let stageDuration = Metric(
        "aibuild_build_stage_duration_seconds", stages, ["stage"],
        "Time that a build spent in a stage: queued, building, collecting, publishing or testing.")
    public static let attempts = Metric(
        "aibuild_attempts_total", .counter, ["stage", "fault"],
        "Attempts that have ended, by the class of their fault: none, template, infrastructure or "
            + "cancelled.")
    public static let logBytes = Metric(
        "aibuild_log_received_bytes_total", .counter, "Log of builds that hosts sent.")
    public static let pulls = Metric(
        "aibuild_image_pulls_total", .counter, ["result"],
        "Transfers of an attempt's image from its host: done, failed or interrupted.")
    public static let pullBytes = Metric(
        "aibuild_image_pull_bytes_total", .counter, "Bytes of images that hosts sent.")
    public static let pullDuration = Metric(
        "aibuild_image_pull_duration_seconds", stages,
        "Time to pull and verify an attempt's image.")

    // MARK: Hosts

    public static let hosts = Metric(
        "aibuild_hosts", .gauge, ["state"],
        "Hosts that are ready, drained, connecting, unreachable or quarantined.")
    public static let slots = Metric(
        "aibuild_slots", .gauge, ["state"],
        "Builds that all hosts take at once: used, free, or unavailable with their host.")
    public static let hostReady = Metric(
        "aibuild_host_ready", .gauge, ["host"], "Whether the host can be reached and used.")
    public static let hostDrained = Metric(
        "aibuild_host_drained", .gauge, ["host"], "Whether the host is drained.")
    public static let hostRunning = Metric(
        "aibuild_host_running_builds", .gauge, ["host"], "Builds on the host.")
    public static let hostSlots = Metric(
        "aibuild_host_slots", .gauge, ["host"], "Builds that the host takes at once.")
    public static let hostDiskFree = Metric(
        "aibuild_host_disk_free_bytes", .gauge, ["host"],
        "Free space on the host's disk for builds.")
    public static let hostDisk = Metric(
        "aibuild_host_disk_bytes", .gauge, ["host"], "Size of the host's disk for builds.")

    // MARK: Releases, messages

    public static let releases = Metric(
        "aibuild_releases_total", .counter, ["action", "kind", "result"],
        "Releases and rollbacks that have ended, by the kind of their environment.")
    public static let notifications = Metric(
        "aibuild_notifications_total", .counter, ["place", "result"],
        "Notifications that were sent to a place, failed and are tried again, or were given up.")
    public static let deliveries = Metric(
        "aibuild_deliveries_total", .counter, ["hook", "result"],
        "Reports of hooks: handled, ignored, awaiting_approval, failed, or retried.")

    // MARK: Data

    public static let webRootFree = Metric(
        "aibuild_web_root_free_bytes", .gauge, "Room for images on the web root's disk.")
    public static let storedItems = Metric(
        "aibuild_stored_items", .gauge, ["kind"], "Files, repositories or rows of what grows.")
    public static let storedBytes = Metric(
        "aibuild_stored_bytes", .gauge, ["kind"], "Bytes on the disk of what grows.")
    public static let unusableRows = Metric(
        "aibuild_unusable_rows", .gauge, "Rows of the database that cannot be used.")
    public static let storeDuration = Metric(
        "aibuild_store_duration_seconds", statements, ["operation"],
        "Time of a read, a write or a transaction of the database, with its wait for a connection.")
    public static let storeFailures = Metric(
        "aibuild_store_failures_total", .counter, ["operation"],
        "Reads, writes and transactions for which the database did not answer.")

    // MARK: The API

    public static let httpDuration = Metric(
        "aibuild_http_request_duration_seconds", answers, ["method", "route", "status"],
        "Time to answer a request, by the pattern of its route and the class of its status; of a "
            + "stream, until it begins.")
    public static let eventStreams = Metric(
        "aibuild_event_streams", .gauge, ["kind"],
        "Followers of server-sent events: of a build, a release, or the farm.")

    /// A coordinator's, with those that are counted from the start: Prometheus does not see the
    /// increase of a series that begins with 1.
    public static func metrics() -> Metrics {
        let metrics = Metrics(all)
        for result in ["passed", "failed", "cancelled"] { metrics.add(builds, [result], by: 0) }
        for result in ["done", "failed", "interrupted"] { metrics.add(pulls, [result], by: 0) }
        for stage in ["build", "test"] {
            for fault in ["none", "template", "infrastructure", "cancelled"] {
                metrics.add(attempts, [stage, fault], by: 0)
            }
        }
        for operation in ["read", "write", "transaction"] {
            metrics.add(storeFailures, [operation], by: 0)
        }
        return metrics
    }

    public static let spans = Metric(
        "aibuild_trace_spans_total", .counter, ["result"],
        "Steps of traces that were sent, refused by their receiver, or dropped: it was away.")

    public static let all =
        [
            info, leading, leaseEpoch, leaseChanges, certificateExpiry, lastBackup, setupProblems,
            runningBuilds, queuedBuilds, oldestQueuedBuild, builds, buildDuration, stageDuration,
            attempts, logBytes, pulls, pullBytes, pullDuration,
            hosts, slots, hostReady, hostDrained, hostRunning, hostSlots, hostDiskFree, hostDisk,
            releases, notifications, deliveries,
            webRootFree, storedItems, storedBytes, unusableRows, storeDuration, storeFailures,
            httpDuration, eventStreams, spans,
        ] + ProcessSamples.table
}
