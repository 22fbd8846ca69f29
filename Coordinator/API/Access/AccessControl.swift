import CoordinatorCore
public import CoordinatorService
import HTTPTypes
import Support
import TextKit

/// Decides by the headers of a request who sent it and whether it is served. Never waits, so that a
/// server can ask before it reads a body.
public struct AccessControl: Sendable {
    private let directory: AccessDirectory
    private let machineDigest: String
    private let tokenFile: String?
    private let names: TrustedNames
    private let settings: AccessSettings

    /// - Parameters:
    ///   - token: the one of the coordinator's machine.
    ///   - tokenFile: its file, which clients on this machine are pointed to.
    public init(
        directory: AccessDirectory, token: String, tokenFile: String? = nil, names: TrustedNames,
        settings: AccessSettings = AccessSettings()
    ) {
        self.directory = directory
        machineDigest = SHA256.hex(token.utf8)
        self.tokenFile = tokenFile
        self.names = names
        self.settings = settings
    }

    /// Names the token's file. A client reads it only if it may, and only if the file belongs to
    /// the user whose program it is talking to.
    static let tokenFileHeader = "Aibuild-Token-File"
    /// What is published beside an image and not meant for everybody: its log says what the build
    /// printed, its record which host made it, and from what.
    private static let records = [".log.ndjson", ".build.json"]

    /// - Parameters:
    ///   - sender: as `caller(of:)` says.
    ///   - route: `nil`: there is none; who has not signed in is not told so.
    ///   - hooks: they have secrets of their own, and some prove it by the body.
    func refusal(
        of request: HTTPRequest, from sender: Caller?, _ route: Router.Match?, hooks: [HookSource]
    ) -> Problem? {
        let need = route.map { RouteNeeds.need($0.method, $0.pattern) } ?? .signedIn
        // Load balancers know this machine by any name.
        if need == .probe { return nil }
        if let problem = names.refusal(of: request) { return problem }
        switch need {
        case .probe, .nothing: return nil
        case .signedIn: return sender == nil ? unauthorized(request) : nil
        case .account:
            guard let sender, sender.way != .nobody else { return unauthorized(request) }
            return sender.isPerson ? nil : Self.programs
        case .right(let right): return refusal(of: request, from: sender, right)
        case .publishedFile:
            let isImage = !Self.records.contains {
                request.path.utf8.reversed().starts(with: $0.utf8.reversed())
            }
            return isImage && settings.imagesArePublic
                ? nil : refusal(of: request, from: sender, .view)
        case .hook:
            return sender?.way == .machine
                && !hooks.contains { HookRoutes.prefix + $0.name == request.path }
                ? nil : HookRoutes.refusal(of: request, hooks)
        }
    }

    /// Where nobody signs in: a page of another site still reads nothing through a browser there.
    func refusal(ofUnsigned request: HTTPRequest) -> Problem? {
        guard !request.isChange else { return .notFound("This address serves no changes") }
        return request.path == "/metrics" ? names.refusal(of: request) : nil
    }

    private func refusal(
        of request: HTTPRequest, from sender: Caller?, _ right: Right
    ) -> Problem? {
        guard let sender else { return unauthorized(request) }
        let obstacle =
            sender.obstacle(right)
            ?? (right.isOfWholeFarm && request.isChange ? sender.wholeFarmObstacle : nil)
        guard let obstacle else { return nil }
        // Signing in may help, and on this machine the command line then finds its token.
        return sender.way == .nobody ? unauthorized(request) : Self.forbidden(obstacle)
    }

    static let programs = Problem.forbidden(
        "A token for a program does not manage the account of its user",
        remedy: "Sign in yourself: aibuild login, or the page /account")

    static func forbidden(_ obstacle: String) -> Problem {
        .forbidden(
            obstacle,
            remedy: "Ask an administrator of this coordinator. What you may do: aibuild whoami")
    }

    /// Who sent the request; `nil` if nobody whose word counts.
    func caller(of request: HTTPRequest) -> Caller? {
        if let token = Self.token(of: request) {
            // Digests are compared, so that the time taken reveals nothing about the token.
            let digest = SHA256.hex(token.utf8)
            return digest == machineDigest ? .local : directory.caller(tokenDigest: digest)
        }
        // A browser adds the cookie to whatever any page sends, so a change must also say that it
        // comes from a page of this coordinator.
        if let session = BrowserCookie.session.value(in: request),
            let caller = directory.caller(session: session)
        {
            return !request.isChange || request.isOfOwnPage ? caller : nil
        }
        return settings.anonymous == .viewer && !request.isChange ? .anonymous : nil
    }

    private static func token(of request: HTTPRequest) -> String? {
        let scheme = "bearer "
        guard let value = request.headers["Authorization"]?.utf8,
            String(decoding: value.prefix(scheme.utf8.count), as: UTF8.self).lowercased() == scheme
        else { return nil }
        return String(Substring(value.dropFirst(scheme.utf8.count)))
    }

    private func unauthorized(_ request: HTTPRequest) -> Problem {
        var problem = Problem.unauthorized(
            request.headers["Authorization"] == nil
                ? "Nobody is signed in" : "The token is unknown, has expired or was revoked",
            remedy: "Sign in: aibuild login. In a browser, open /sign-in. Programs send "
                + "Authorization: Bearer TOKEN (aibuild token add). On the coordinator's machine "
                + "its user needs no sign-in")
        let peer = request.remoteAddress
        if let tokenFile, peer == "::1" || peer.utf8.starts(with: "127.".utf8),
            tokenFile.utf8.allSatisfy({ (0x20..<0x7F).contains($0) })
        {
            problem.headers.append(Self.tokenFileHeader, tokenFile)
        }
        return problem
    }
}

/// What strangers may do.
public struct AccessSettings: Sendable, Hashable {
    public enum Anonymous: String, Sendable, CaseIterable {
        case none, viewer
    }

    /// Whether whoever reaches the port may read.
    public var anonymous: Anonymous
    /// Whether `/images/` is for everybody.
    public var imagesArePublic: Bool

    public init(anonymous: Anonymous = .none, imagesArePublic: Bool = true) {
        self.anonymous = anonymous
        self.imagesArePublic = imagesArePublic
    }
}
