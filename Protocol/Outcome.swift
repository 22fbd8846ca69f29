/// How an attempt ended. `fault == nil` means that it passed.
public struct Outcome: Sendable, Hashable, Codable {
    public var fault: Fault?
    /// Exit status of the build program, if it exited by itself.
    @OptionalBounded<ExitStatusBound> public var exitCode: Int?

    public init(fault: Fault? = nil, exitCode: Int? = nil) {
        self.fault = fault
        self.exitCode = exitCode
    }

    public var passed: Bool { fault == nil }
}

/// Why an attempt did not pass, for programs (`class`, `code`) and for people (`reason`).
public struct Fault: Sendable, Hashable, Codable, Error {
    public var `class`: FaultClass
    public var code: FaultCode
    /// What happened, to what, and what to do next. Bounded by `ProtocolLimits.reasonBytes`.
    @BoundedText<ReasonBound> public var reason: String

    public init(_ faultClass: FaultClass, _ code: FaultCode, _ reason: String) {
        self.class = faultClass
        self.code = code
        self.reason = reason
    }
}

/// Stable names of faults. A struct, not an enum, so that an older coordinator can show the code of
/// a newer agent.
public struct FaultCode: RawRepresentable, Sendable, Hashable, Codable {
    public var rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    // Template faults
    public static let packerFailed = FaultCode(rawValue: "packer.failed")
    public static let packerRejected = FaultCode(rawValue: "packer.rejected")
    public static let commandFailed = FaultCode(rawValue: "command.failed")
    public static let templateMissing = FaultCode(rawValue: "template.missing_file")
    public static let templateInvalid = FaultCode(rawValue: "template.invalid")
    public static let noImage = FaultCode(rawValue: "artifact.none")
    public static let baseImageDigest = FaultCode(rawValue: "base_image.digest")
    public static let baseImageMissing = FaultCode(rawValue: "base_image.missing")
    public static let timeoutTotal = FaultCode(rawValue: "timeout.total")
    public static let timeoutSilence = FaultCode(rawValue: "timeout.silence")
    public static let guestHung = FaultCode(rawValue: "guest.hung")
    public static let memoryExceeded = FaultCode(rawValue: "memory.exceeded")
    public static let testFailed = FaultCode(rawValue: "test.failed")
    public static let impossible = FaultCode(rawValue: "scheduler.impossible")
    public static let poison = FaultCode(rawValue: "scheduler.kills_hosts")
    // Infrastructure faults
    public static let baseImageFetch = FaultCode(rawValue: "base_image.fetch")
    public static let diskFull = FaultCode(rawValue: "host.disk_full")
    public static let hostLost = FaultCode(rawValue: "host.lost")
    public static let hostRefused = FaultCode(rawValue: "host.refused")
    public static let hostError = FaultCode(rawValue: "host.error")
    public static let overdue = FaultCode(rawValue: "host.overdue")
    public static let supervisorLost = FaultCode(rawValue: "host.supervisor_lost")
    public static let buildKilled = FaultCode(rawValue: "host.build_killed")
    public static let portRace = FaultCode(rawValue: "host.port_race")
    public static let pullFailed = FaultCode(rawValue: "pull.failed")
    public static let pullDigest = FaultCode(rawValue: "pull.digest")
    public static let pullStalled = FaultCode(rawValue: "pull.stalled")
    public static let logMismatch = FaultCode(rawValue: "log.mismatch")
    /// The coordinator could not read a secret of the build.
    public static let secretUnavailable = FaultCode(rawValue: "secret.unavailable")
    public static let publishFailed = FaultCode(rawValue: "publish.failed")
    // Cancelled by a person
    public static let cancelled = FaultCode(rawValue: "cancelled")

    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

extension String {
    /// The longest prefix of whole characters that is at most `limit` bytes of UTF-8.
    public func prefixOfUTF8(_ limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var bytes = 0
        var end = startIndex
        for index in indices {
            bytes += self[index].utf8.count
            if bytes > limit { break }
            end = self.index(after: index)
        }
        return String(self[..<end])
    }
}
