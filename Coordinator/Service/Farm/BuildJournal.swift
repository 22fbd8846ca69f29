import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Tells a build's life in the coordinator's journal, a line for each step that people ask about:
/// queued, started, retried, tested, ended.
struct BuildJournal {
    let meter: BuildMeter
    private let log = Logger("builds")

    init(meter: BuildMeter) { self.meter = meter }

    /// - Parameter old: the build before; `nil` if it is new.
    func note(_ old: LiveBuild?, _ new: Build, at now: Int64) {
        meter.note(old?.build, new, since: old?.sinceMilliseconds, at: now)
        guard let line = Self.line(old?.build, new) else { return }
        let build = old?.build ?? new
        log.about(
            LogIDs(
                build: new.id, attempt: (new.attempt ?? build.attempt)?.text,
                host: new.host ?? build.host)
        ).info(line)
    }

    /// `nil` if nothing happened that people ask about.
    static func line(_ old: Build?, _ new: Build) -> String? {
        guard old?.state != new.state || old?.stage != new.stage else { return nil }
        let name = "\(new.guestOS):\(new.number)"
        switch new.state {
        case .queued:
            guard let old else {
                return "\(name) is queued: \(Names.quoted(new.owner))"
                    + "\(reason(new)), id \(new.id)"
            }
            if old.stage != new.stage { return "\(name) is built, and queued for its tests" }
            return "\(name) is queued again after attempt \(new.attemptCount) on "
                + "\(old.host ?? "?"): \(fault(new))"
        case .building where old?.state == .queued, .testing where old?.state == .queued:
            return "\(name) starts on \(new.host ?? "?"): \(new.stage.rawValue), attempt "
                + "\(new.attemptCount) (\(new.attempt?.text ?? "?"))"
        case .passed:
            return "\(name) passed\(duration(new))" + (new.image.map { ": \($0.path)" } ?? "")
        case .failed, .cancelled:
            return "\(name) \(new.state == .failed ? "failed" : "is cancelled")\(duration(new))"
                + (new.host.map { " on \($0)" } ?? "") + ": \(fault(new))"
        case .building, .collecting, .publishing, .testing: return nil
        }
    }

    private static func reason(_ build: Build) -> String {
        build.updateContents.isEmpty ? "" : " (\(build.updateContents.firstLine))"
    }

    private static func fault(_ build: Build) -> String {
        build.fault.map { "\($0.reason.firstLine) [\($0.code.rawValue)]" } ?? "?"
    }

    private static func duration(_ build: Build) -> String {
        JournalText.duration(from: build.startedMilliseconds, to: build.endedMilliseconds)
    }
}
