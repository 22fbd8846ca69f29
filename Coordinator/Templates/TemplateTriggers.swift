import BuildProtocol
import CoordinatorCore
import YAMLKit

/// `triggers:` of `aibuild.yml`.
enum TemplateTriggers {
    /// Each is compared with each pushed branch or tag.
    private static let patterns = 64

    private typealias Keys = TemplateKeys.Trigger

    /// A parent is one image that this one starts from; others are rare.
    private static let parents = 16
    /// Each is a request; an image has a few.
    private static let sources = 32
    private static let everySeconds = 6 * 3600

    /// - Parameter base: the base image, and where its digest is.
    static func read(
        _ yaml: YAMLMapping, base: BaseImage?, _ checksums: ChecksumSource?
    ) throws(YAMLError) -> ImageTriggers {
        var triggers = ImageTriggers()
        triggers.timed.schedule = try schedule(yaml)
        guard let given = try yaml.takeIfPresent(TemplateKeys.triggers) else { return triggers }
        triggers.push = try given.take(Keys.push, default: triggers.push)
        triggers.branches = try Self.patterns(given, Keys.branches)
        triggers.tags = try Self.patterns(given, Keys.tags)
        triggers.mergeRequests = try given.take(Keys.mergeRequests, default: false)
        triggers.supersede = try given.take(Keys.supersede, default: false)
        triggers.publish = try given.take(Keys.publish, default: .always)
        triggers.variables = try TriggerVariables.read(given)
        triggers.timed.parents = try parents(given)
        triggers.timed.baseImage = try watch(given, base, checksums)
        triggers.timed.packages = try packages(given)
        triggers.timed.maxAgeSeconds = try given.takeIfPresent(Keys.maxAge)
        return triggers
    }

    private static func schedule(
        _ yaml: YAMLMapping
    ) throws(YAMLError) -> TriggerPlan.Schedule? {
        typealias Keys = TemplateKeys.Schedule
        let schedule: TriggerPlan.Schedule
        switch try yaml.takeIfPresent(TemplateKeys.schedule) {
        case .scalar(let cron): schedule = TriggerPlan.Schedule(cron: cron)
        case .full(let given):
            schedule = TriggerPlan.Schedule(
                cron: try given.take(Keys.cron),
                timeZone: try given.take(Keys.timeZone, default: "UTC"),
                jitterSeconds: try given.take(Keys.jitter, default: 0))
        case nil: return nil
        }
        do throws(Failure) { _ = try CronSchedule(schedule.cron) } catch {
            throw yaml.error(TemplateKeys.schedule, "\(error)")
        }
        return schedule
    }

    private static func parents(_ yaml: YAMLMapping) throws(YAMLError) -> [String] {
        let parents =
            switch try yaml.takeIfPresent(Keys.parent) {
            case .scalar(let name): [name]
            case .full(let names): names
            case nil: [String]()
            }
        guard parents.count <= Self.parents, Set(parents).count == parents.count else {
            throw yaml.error(Keys.parent, "expected up to \(Self.parents) guest OSes, each once")
        }
        return parents
    }

    private static func watch(
        _ yaml: YAMLMapping, _ base: BaseImage?, _ checksums: ChecksumSource?
    ) throws(YAMLError) -> TriggerPlan.BaseImageWatch? {
        var seconds = everySeconds
        switch try yaml.takeIfPresent(Keys.baseImage) {
        case nil, .scalar(false): return nil
        case .scalar(true): break
        case .full(let given): seconds = try given.take(Keys.every, default: seconds)
        }
        guard let base else {
            throw yaml.error(Keys.baseImage, "needs base_image, whose address is looked at")
        }
        guard checksums != nil || base.sha256 == nil && base.sha512 == nil else {
            throw yaml.error(
                Keys.baseImage,
                "the digest of the base image is fixed, so that a new one cannot be built: use "
                    + "sha256_url")
        }
        guard checksums != nil || !base.url.hasPrefix("file:") else {
            throw yaml.error(
                Keys.baseImage, "a file of the hosts is not looked at: use an http or https URL")
        }
        return TriggerPlan.BaseImageWatch(
            url: base.url, checksumURL: checksums?.url,
            algorithm: checksums?.algorithm.rawValue, everySeconds: seconds)
    }

    private static func packages(_ yaml: YAMLMapping) throws(YAMLError) -> PackageWatch? {
        guard let given = try yaml.takeIfPresent(Keys.packages) else { return nil }
        let apt = try given.take(Keys.apt, default: []).compactMap { PackageSource(apt: $0) }
        let dnf = try given.take(Keys.dnf, default: []).map { PackageSource(dnf: $0) }
        guard (1...sources).contains(apt.count + dnf.count) else {
            throw yaml.error(Keys.packages, "expected 1 to \(sources) sources, under apt or dnf")
        }
        return PackageWatch(
            sources: apt + dnf,
            everySeconds: try given.take(Keys.every, default: everySeconds))
    }

    private static func patterns(
        _ yaml: YAMLMapping, _ key: YAMLKey<[String]>
    ) throws(YAMLError) -> [String] {
        let patterns = try yaml.take(key, default: [])
        guard patterns.count <= Self.patterns else {
            throw yaml.error(key, "at most \(Self.patterns) are allowed")
        }
        return patterns
    }
}
