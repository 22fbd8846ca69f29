import BuildProtocol

/// What a Git server shows beside a commit.
public struct CommitStatus: Sendable, Hashable {
    public enum State: String, Sendable, CaseIterable {
        case pending, running, passed, failed, cancelled
    }

    public var project: String
    public var commit: String
    /// The branch or tag, for servers that ask for it.
    public var ref: String?
    public var state: State
    /// Tells the statuses of one commit apart: `aibuild/debian12`.
    public var context: String
    /// One line.
    public var description: String
    /// The page of the build; `nil` if nobody knows this coordinator's address.
    public var url: String?

    /// `nil` if no Git server reported the build's commit.
    /// - Parameter waiting: why it waits, if it is queued.
    public init?(_ build: Build, waiting: String?, pages: String?) {
        guard let origin = build.plan.origin, let project = origin.project,
            let commit = build.plan.commit
        else { return nil }
        self.project = project
        self.commit = commit
        ref = origin.kind == .mergeRequest ? nil : origin.ref
        context = "aibuild/\(build.guestOS)"
        url = pages.map { "\($0)/builds/\(build.id)" }
        let label = "\(build.guestOS):\(build.number)"
        switch build.state {
        case .queued:
            state = .pending
            description = Self.waiting(label, waiting)
        case .building, .collecting, .publishing, .testing:
            state = .running
            description =
                "\(label) is \(build.state.rawValue)" + (build.host.map { " on \($0)" } ?? "")
        case .passed:
            state = .passed
            description = "\(label) passed"
        case .failed:
            state = .failed
            description = "\(label) failed: \(build.fault?.reason ?? "")"
        case .cancelled:
            state = .cancelled
            description = "\(label): \(build.fault?.reason ?? "cancelled")"
        }
        description = Self.line(description)
    }

    /// Of a commit whose template cannot be built.
    public init(broken guestOS: String, _ why: String, in report: GitReport) {
        project = report.project
        commit = report.commit
        ref = report.mergeRequest == nil ? report.ref : nil
        context = "aibuild/\(guestOS)"
        state = .failed
        description = Self.line(why)
    }

    /// The description of a build that waits.
    /// - Parameter label: `debian12:7`
    public static func waiting(_ label: String, _ reason: String?) -> String {
        line(reason.map { "\(label) waits: \($0)" } ?? "\(label) is queued")
    }

    /// The shortest that a Git server accepts (GitHub).
    private static let bytes = 140

    static func line(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return line.utf8.count <= bytes ? line : line.prefixOfUTF8(bytes - 3) + "…"
    }
}

/// A build whose status is to be sent to its Git server. What is sent is its state at that moment.
public struct StatusObligation: Sendable, Hashable {
    /// The id of a build; or `delivery 7`, of one whose templates are broken.
    public var build: String
    /// Grows with each change of the build, so that one that comes while a status is being sent is
    /// sent too.
    public var revision: Int
    public var tries: Int
    public var notBeforeMilliseconds: Int64

    public init(
        build: String, revision: Int = 0, tries: Int = 0, notBeforeMilliseconds: Int64 = 0
    ) {
        self.build = build
        self.revision = revision
        self.tries = tries
        self.notBeforeMilliseconds = notBeforeMilliseconds
    }
}

/// Sends statuses to Git servers.
public protocol CommitStatusSender: Sendable {
    /// - Parameter server: the address under which its projects are.
    /// - Throws: `StatusFault`
    func send(
        _ status: CommitStatus, to kind: ReportKind, server: String, token: Secret
    ) async throws
}

public typealias StatusFault = CodedError<StatusFaultCode>

public enum StatusFaultCode: UsualFailureCode {
    /// The server refuses it, and will again.
    case usual
    /// The server cannot be reached, or is busy.
    case unavailable

    public var isPermanent: Bool { self == .usual }
}
