//! CoordinatorAPI: requests in, responses out: the routes, their JSON and the web pages. It opens
//! no socket; the composition root connects it to the server.

import BuildProtocol
public import CoordinatorCore
public import CoordinatorService
import FoundationEssentials
import HTTPTypes
import Support

/// Everything the routes work on.
public struct APIContext: Sendable {
    public var coordinator: Coordinator
    public var ports: Ports
    /// The folder behind `/images/`.
    public var webRootFolder: String
    /// The path of an attempt's log file, to be served with Range.
    public var logPath: @Sendable (String) -> String?
    /// Whether this coordinator leads. A standby serves what it can read and redirects the rest.
    public var standing: @Sendable () async -> LeaseKeeper.Standing
    /// Why the store cannot be written; `nil` as long as it can.
    public var storeProblem: @Sendable () async -> String?
    /// What of the machine's setup cannot be used.
    public var setupProblems: @Sendable () -> [SetupProblem]
    /// When the API's certificate expires, in Unix seconds; `nil` without one.
    public var certificateExpiry: @Sendable () -> Int64? = { nil }
    /// When the last backup was complete, in Unix seconds; `nil` if nobody knows of one.
    public var lastBackup: @Sendable () -> Int64? = { nil }
    /// For machines that become hosts.
    public var hostSetup = HostSetup()
    /// Shared by all who read logs by line.
    let buildLogs: BuildLogs
    public var access: AccessControl
    /// `api.url`, as people reach this coordinator; `nil` if it is not set.
    public var url: String?
    public var version: String
    /// The JSON Schema of `aibuild.yml`.
    public var templateSchema: [UInt8]

    public init(
        coordinator: Coordinator, ports: Ports, webRootFolder: String,
        logPath: @escaping @Sendable (String) -> String?,
        standing: @escaping @Sendable () async -> LeaseKeeper.Standing,
        storeProblem: @escaping @Sendable () async -> String? = { nil },
        setupProblems: @escaping @Sendable () -> [SetupProblem] = { [] }, access: AccessControl,
        url: String? = nil, version: String, templateSchema: [UInt8] = []
    ) {
        self.coordinator = coordinator
        self.ports = ports
        buildLogs = BuildLogs(logs: ports.logs)
        self.webRootFolder = webRootFolder
        self.logPath = logPath
        self.standing = standing
        self.storeProblem = storeProblem
        self.setupProblems = setupProblems
        self.access = access
        self.url = url
        self.version = version
        self.templateSchema = templateSchema
    }
}

/// Limits of a single request.
enum APILimits {
    /// Rows of one page, which bounds the response.
    static let pageRows = 500
    /// Shorter beginnings of an id are more likely typing errors.
    static let idPrefixBytes = 4
    static let defaultRows = 50
    /// Bytes of log in one event; several events may follow without delay. A follower that does not
    /// read holds one in memory: two thousand of them 128 MiB.
    static let eventLogBytes = 64 << 10
    /// The interval of comment lines, by which a dead connection is noticed.
    static let heartbeatMilliseconds: Int64 = 15_000
}

extension HTTPRequest {
    /// The body as JSON. A form on another site cannot send this media type, so requiring it also
    /// keeps other sites from acting through an admin's browser.
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let mediaType = headers["Content-Type"]?.split(separator: ";").first ?? ""
        guard mediaType.trimmingPrefix(while: \.isWhitespace).lowercased() == "application/json"
        else {
            throw Problem.unsupportedType(
                "The body is not declared as JSON",
                remedy: "Send Content-Type: application/json")
        }
        do {
            let decoder = JSONDecoder()
            decoder.userInfo = BoundedDecoding.refusing
            return try decoder.decode(type, from: Data(body))
        } catch let error as DecodingError {
            throw Problem.badRequest(
                "Invalid body: \(BodyError.text(error))",
                remedy: "The fields are described in docs/api.md")
        } catch {
            throw Problem.badRequest("Invalid body: not JSON", remedy: "See docs/api.md")
        }
    }

    func limit() throws -> Int {
        guard let text = query["limit"] else { return APILimits.defaultRows }
        guard let limit = Int(text), (1...APILimits.pageRows).contains(limit) else {
            throw Problem.badRequest(
                "Invalid limit: '\(text.prefix(20))'", remedy: "Use 1 to \(APILimits.pageRows)")
        }
        return limit
    }
}

extension Problem {
    /// A list that is empty because its cursor is mistyped looks as if it had ended.
    static func unknownCursor(_ after: String) -> Problem {
        .badRequest(
            "There is no row \(Names.quoted(after)) to continue after",
            remedy: "Use the `next` of the page before, as it is")
    }
}

extension APIContext {
    /// Who sent the request, of a route that needs somebody to be signed in.
    func caller(_ request: HTTPRequest) throws -> Caller {
        guard let caller = request.sender as? Caller else {
            throw Problem.unauthorized("Nobody is signed in", remedy: "Sign in")
        }
        return caller
    }

    /// Whether a browser is to send the cookie by TLS only.
    func isSecure(_ request: HTTPRequest) -> Bool {
        request.isEncrypted || url?.hasPrefix("https://") == true
    }

    /// The actor of audit rows.
    func actor(_ request: HTTPRequest) -> String { (request.sender as? Caller)?.name ?? "api" }

    /// A row for a change that a route makes by itself.
    func entry(
        _ request: HTTPRequest, _ action: String, _ subject: String, _ detail: String
    ) -> AuditEntry {
        ports.auditEntry(actor(request), action, subject, detail)
    }

    /// Refuses who may not do this to the guest OS, which a team may own.
    /// - Parameter newOwner: the owner that the request gives it.
    func check(
        _ request: HTTPRequest, _ right: Right, guestOS name: String, newOwner: String? = nil
    ) async throws {
        let caller = try caller(request)
        let known = try await ports.store.guestOS(named: name)
        let owner = known?.owner
        let obstacle =
            caller.obstacle(right, guestOS: name, owner: owner, grants: known?.grants ?? [])
            ?? newOwner.flatMap {
                $0 == owner ? nil : caller.obstacle(right, guestOS: name, owner: $0, isGiven: true)
            }
        if let obstacle { throw AccessControl.forbidden(obstacle) }
    }

    /// Refuses who may not do this to one of all guest OSes of a type.
    func check(
        _ request: HTTPRequest, _ right: Right, everyGuestOSOf type: OSType
    ) async throws {
        let caller = try caller(request)
        if let obstacle = caller.wholeFarmObstacle { throw AccessControl.forbidden(obstacle) }
        try await ports.eachGuestOS { guestOS in
            let name = guestOS.name
            if guestOS.type == type,
                let obstacle = caller.obstacle(
                    right, guestOS: name, owner: guestOS.owner, grants: guestOS.grants)
            {
                throw AccessControl.forbidden("It concerns \(name) as well. \(obstacle)")
            }
        }
    }

    /// The owner of a new guest OS if its registrant names none: the team that they are in.
    /// - Returns: `nil` for everybody's.
    func ownTeam(_ request: HTTPRequest) throws -> String? {
        let caller = try caller(request)
        let teams = caller.teams
        guard caller.role != .administrator, !teams.contains("*") else { return nil }
        guard teams.count < 2 else {
            throw Problem.badRequest(
                "\(caller.name) is in the teams \(teams.joined(separator: ", ")), so the owner of "
                    + "the guest OS must be named",
                remedy: "aibuild guestos add … --owner \(teams[0]); --owner "
                    + "\(Principal.everybody) makes it everybody's")
        }
        return teams.first
    }

    /// Who may change a guest OS may not take it away from others.
    func checkOwner(_ request: HTTPRequest, of name: String, becomes new: String?) async throws {
        guard let new, let old = try await ports.store.guestOS(named: name)?.owner, old != new,
            try !caller(request).rights.contains(.administer)
        else { return }
        throw AccessControl.forbidden(
            "The guest OS \(name) belongs to \(old), and only an administrator gives it to another "
                + "owner")
    }

    func check(_ request: HTTPRequest, release id: String) async throws {
        try await check(request, .release, guestOS: ports.release(id).guestOS)
    }

    /// What a report of the original AIBuild's jobs is about is known by the image's name, if at
    /// all: a token for some guest OSes reports nothing else.
    func check(_ request: HTTPRequest, _ right: Right, image: String?) async throws {
        if let image,
            let guestOS = try await ports.store.buildLog(imageName: image, limit: 1).first?
                .guestOSName
        {
            return try await check(request, right, guestOS: guestOS)
        }
        guard try caller(request).guestOSes == nil else {
            throw AccessControl.forbidden("The token is for other guest OSes")
        }
    }

    /// A build that the caller may do this to.
    func build(_ name: String, for request: HTTPRequest, _ right: Right) async throws -> Build {
        let build = try await build(name)
        try await check(request, right, guestOS: build.guestOS)
        return build
    }

    /// What only the leader may do, for routes that change something.
    func leader() throws -> Leader { try coordinator.leading() }

    /// A change does not rename.
    func checkName(_ name: String, _ path: String, _ what: String) throws {
        guard name == path else {
            throw Problem.badRequest(
                "The names differ: '\(name)' in the body, '\(path)' in the path",
                remedy: "\(what) cannot be renamed. Register a new one")
        }
    }

    /// A list that is empty because its filter is mistyped looks as if there were nothing.
    func checkFilter(guestOS: String?, _ environment: String? = nil) async throws {
        if let guestOS { _ = try await ports.guestOS(named: guestOS) }
        if let environment { _ = try await ports.environment(named: environment) }
    }

    /// A build by its id or by `<guest OS>:<number>`.
    /// - Parameter name: an id or the beginning of one, `GUESTOS:NUMBER`, or `GUESTOS:latest`.
    func build(_ name: String) async throws -> Build {
        if let (build, _) = try await coordinator.find(name) { return build }
        let parts = name.split(whereSeparator: { $0 == ":" || $0 == "/" }).map(String.init)
        var remedy =
            "Name a build by its ID, by the beginning of it, as GUESTOS:NUMBER or as "
            + "GUESTOS:latest. List builds: aibuild builds"
        if parts.count == 2 {
            if let build = try await numbered(parts[0], parts[1]) { return build }
            if try await ports.store.guestOS(named: parts[0]) == nil,
                let near = await NearMiss(ports: ports).nearest(to: parts[0], of: .guestOS)
            {
                remedy = "Did you mean \(Names.quoted("\(near):\(parts[1])"))? " + remedy
            }
        }
        // A guest OS without a number, or with a misspelled word in its place.
        if let first = parts.first, parts.count <= 2, parts.last.flatMap({ Int($0) }) == nil,
            try await ports.store.guestOS(named: first) != nil
        {
            let latest = "\(first):latest"
            remedy =
                name == latest
                ? "\(Names.quoted(first)) has no build yet: aibuild build \(first)"
                : "Did you mean \(Names.quoted(latest))? " + remedy
        }
        if name.utf8.count >= APILimits.idPrefixBytes {
            let found = try await ports.store.builds(BuildFilter(idPrefix: name), limit: 2)
            if found.count == 1 { return found[0] }
            if found.count > 1 {
                throw Problem.notFound(
                    "Several builds have an ID that begins with \(Names.quoted(name))",
                    remedy: "Give more of the ID")
            }
        }
        throw Problem.notFound("There is no build \(Names.quoted(name))", remedy: remedy)
    }

    private func numbered(_ guestOS: String, _ number: String) async throws -> Build? {
        guard number != "latest" else {
            let filter = BuildFilter(guestOS: guestOS)
            return try await ports.store.builds(filter, limit: 1).first
        }
        guard let number = Int(number) else { return nil }
        return try await ports.store.build(guestOS: guestOS, number: number)
    }

    func view(_ build: Build) async -> BuildView {
        BuildView(build, await coordinator.detail(of: build.id))
    }
}
