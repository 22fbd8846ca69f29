import CoordinatorService
import HTTPTypes
import Support
import TextKit

/// Decides by the headers of a request whether it is served. Never waits, so that a server can ask
/// before it reads a body.
public struct AccessControl: Sendable {
    private let tokenDigest: String
    private let tokenFile: String?
    private let names: TrustedNames

    /// - Parameter tokenFile: the token's file, which clients on this machine are pointed to.
    public init(token: String, tokenFile: String? = nil, names: TrustedNames) {
        tokenDigest = SHA256.hex(token.utf8)
        self.tokenFile = tokenFile
        self.names = names
    }

    /// Names the token's file. A client reads it only if it may, and only if the file belongs to
    /// the user whose program it is talking to.
    static let tokenFileHeader = "Aibuild-Token-File"

    /// What answers whether the coordinator works and leads, for load balancers, under any name:
    /// they are not to hold the administrator's token.
    private static let probes = ["/healthz", "/readyz", "/api/v1/leader"]
    private static let signIn = "/sign-in"
    private static let images = "/images/"
    private static let log = ".log.ndjson"

    /// - Parameter hooks: they have secrets of their own, and some prove it by the body.
    func refusal(
        of request: HTTPRequest, _ sessions: BrowserSessions, hooks: [HookSource]
    ) -> Problem? {
        if Self.probes.contains(request.path) { return nil }
        if let problem = names.refusal(of: request) { return problem }
        // An editor sends no token, and the schema says nothing about this farm.
        if request.path == Self.signIn || request.path == StatusRoutes.schemaPath { return nil }
        if Self.isPublicFile(request.path) { return nil }
        if request.method == "GET", request.path.utf8.starts(with: BadgeRoutes.prefix.utf8) {
            return nil
        }
        if request.method == "POST", request.path.utf8.starts(with: HookRoutes.prefix.utf8) {
            return hasToken(request)
                && !hooks.contains { HookRoutes.prefix + $0.name == request.path }
                ? nil : HookRoutes.refusal(of: request, hooks)
        }
        return hasToken(request) || hasSession(request, sessions) ? nil : unauthorized(request)
    }

    /// Images are for everybody, the logs that are published beside them are not.
    private static func isPublicFile(_ path: String) -> Bool {
        path.utf8.starts(with: images.utf8)
            && !path.utf8.reversed().starts(with: log.utf8.reversed())
    }

    private func hasToken(_ request: HTTPRequest) -> Bool {
        let scheme = "Bearer ".utf8
        guard let value = request.headers["Authorization"]?.utf8, value.starts(with: scheme)
        else { return false }
        // Digests are compared, so that the time taken reveals nothing about the token.
        return SHA256.hex(value.dropFirst(scheme.count)) == tokenDigest
    }

    /// A browser adds the cookie to whatever any page sends, so a change must also say that it
    /// comes from a page of this coordinator.
    private func hasSession(_ request: HTTPRequest, _ sessions: BrowserSessions) -> Bool {
        guard let session = BrowserSessions.session(of: request) else { return false }
        return sessions.isSignedIn(session) && (!request.isChange || request.isOfOwnPage)
    }

    private func unauthorized(_ request: HTTPRequest) -> Problem {
        var problem = Problem.unauthorized(
            request.headers["Authorization"] == nil
                ? "This coordinator requires a token" : "The token is not this coordinator's",
            remedy: "In a browser, open the address that this prints: aibuild web. Programs send "
                + "Authorization: Bearer TOKEN. The CLI takes the token from AIBUILD_TOKEN; on the "
                + "coordinator's machine its user needs no setting")
        let peer = request.remoteAddress
        if let tokenFile, peer == "::1" || peer.utf8.starts(with: "127.".utf8),
            tokenFile.utf8.allSatisfy({ (0x20..<0x7F).contains($0) })
        {
            problem.headers.append(Self.tokenFileHeader, tokenFile)
        }
        return problem
    }
}
