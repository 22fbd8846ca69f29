public import CoordinatorCore
import Glibc
import Support
import Synchronization

/// The time zones of the Debian package tzdata.
public final class ZoneFiles: TimeZones {
    private let folder: String
    /// As many as people live in; a file is read once.
    private static let knownZones = 256
    private let known = Mutex<[String: TimeZoneRules]>([:])

    public init(folder: String = "/usr/share/zoneinfo") { self.folder = folder }

    public func rules(of name: String) throws(Failure) -> TimeZoneRules {
        if name == "UTC" { return .utc }
        if let rules = known.withLock({ $0[name] }) { return rules }
        if let problem = TimeZoneRules.problem(ofName: name) { throw Failure(problem) }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read("\(folder)/\(name)", limitBytes: TimeZoneRules.fileBytes)
        } catch  where error.errno == ENOENT {
            throw Failure(
                "the coordinator's machine has no time zone '\(name)': check its name, and that "
                    + "the package tzdata is installed")
        } catch { throw Failure("cannot read the time zone '\(name)'", cause: error) }
        let rules = try TimeZoneRules(name: name, file: bytes)
        known.withLock { known in
            if known.count >= Self.knownZones { known.removeAll() }
            known[name] = rules
        }
        return rules
    }
}
