import BuildProtocol
import CoordinatorCore
import CoordinatorService
public import HTTPTypes
import Support

/// All routes. `admission` is what a server calls.
public struct API: Sendable {
    private let router: Router
    private let access: AccessControl
    private let hooks: [HookSource]
    private let ports: Ports
    private let standby: Standby
    private let watch: RequestWatch
    private var entrance = Entrance.whole

    public init(_ context: APIContext) {
        ports = context.ports
        let nearMiss = NearMiss(ports: context.ports)
        var router = Router(
            strictPrefix: "/api/", explain: { await Self.explain($0, $1, nearMiss, context) },
            present: ProblemPage.response)
        SignInRoutes.add(to: &router, context)
        BrowserSignInRoutes.add(to: &router, context)
        CommandLineRoutes.add(to: &router, context)
        AccountRoutes.add(to: &router, context)
        AccountPage.add(to: &router, context)
        AuditRoutes.add(to: &router, context)
        FailureRoutes.add(to: &router, context)
        GuestOSRoutes.add(to: &router, context)
        TestCaseRoutes.add(to: &router, context)
        ImportRoutes.add(to: &router, context)
        HookRoutes.add(to: &router, context)
        DeliveryRoutes.add(to: &router, context)
        BadgeRoutes.add(to: &router, context)
        HostRoutes.add(to: &router, context)
        HostSetupRoutes.add(to: &router, context)
        BuildRoutes.add(to: &router, context)
        LogRoutes.add(to: &router, context)
        AttemptRoutes.add(to: &router, context)
        OutputRoutes.add(to: &router, context)
        HistoricRoutes.add(to: &router, context)
        EnvironmentRoutes.add(to: &router, context)
        ReleaseRoutes.add(to: &router, context)
        SecretRoutes.add(to: &router, context)
        RetentionRoutes.add(to: &router, context)
        EventRoutes.add(to: &router, context)
        ImageRoutes.add(to: &router, context)
        StatusRoutes.add(to: &router, context)
        StorageRoutes.add(to: &router, context)
        MetricsRoutes.add(to: &router, context)
        ScheduleRoutes.add(to: &router, context)
        NotificationRoutes.add(to: &router, context)
        PageRoutes.add(to: &router, context)
        self.router = router
        access = context.access
        hooks = context.ports.hooks
        standby = Standby(standing: context.standing)
        watch = RequestWatch(metrics: context.ports.metrics)
    }

    /// The same, of which an address serves a part.
    public func serving(_ entrance: Entrance) -> API {
        var api = self
        api.entrance = entrance
        return api
    }

    /// Method, pattern and query of every route; a test compares them with docs/api.md.
    public var table: [(method: String, pattern: String, query: RouteQuery)] { router.table }

    /// Whether a request is served, by its headers alone.
    public func admission(of request: HTTPRequest) -> HTTPAdmission {
        let route = router.match(request)
        return watch.watched(admission(of: request, route), of: request, route)
    }

    private func admission(of request: HTTPRequest, _ route: Router.Match?) -> HTTPAdmission {
        guard entrance.serves(request.path) else {
            return .refused(
                Self.response(
                    .notFound("This address does not serve \(request.path)"), to: request))
        }
        let sender = entrance == .monitoring ? nil : access.caller(of: request)
        if let refusal = refusal(of: request, from: sender, route) { return .refused(refusal) }
        return .served { request in
            var sender = sender
            if request.isChange {
                // Who sent it may have been shut out while its body arrived.
                sender = access.caller(of: request)
                if let refusal = refusal(of: request, from: sender, route) { return refusal }
            }
            return await respond(to: request, from: sender, route)
        }
    }

    private func refusal(
        of request: HTTPRequest, from sender: Caller?, _ route: Router.Match?
    ) -> HTTPResponse? {
        if entrance == .monitoring {
            return access.refusal(ofUnsigned: request).map { Self.response($0, to: request) }
        }
        return access.refusal(of: request, from: sender, route, hooks: hooks).map {
            $0.status == 401 && entrance == .whole && SignInPage.isForPerson(request)
                ? SignInPage.redirect(from: request) : Self.response($0, to: request)
        }
    }

    /// A problem as the client reads it: a page for a person, JSON for the rest.
    public static func response(_ problem: Problem, to request: HTTPRequest) -> HTTPResponse {
        inert(ProblemPage.response(problem, request))
    }

    /// The answer to a request that passed `refusal(of:)`, but has too large a body; `nil` if it is
    /// the usual refusal.
    public func response(toOversized request: HTTPRequest) -> HTTPResponse? {
        HookRoutes.response(toOversized: request, hooks).map(Self.inert)
    }

    /// For who calls without a server.
    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        switch admission(of: request) {
        case .refused(let refusal): refusal
        case .served(let handler): await handler(request)
        }
    }

    private func respond(
        to request: HTTPRequest, from sender: Caller?, _ route: Router.Match?
    ) async -> HTTPResponse {
        // What is monitored is this coordinator, not the one that leads.
        if entrance != .monitoring, let elsewhere = await standby.response(to: request) {
            return Self.inert(elsewhere)
        }
        let id = String(ports.ids.randomToken().description.prefix(16))
        let origin = AuditOrigin(
            address: request.remoteAddress, way: sender.map { Self.words($0.way) } ?? "",
            request: id)
        var request = request
        request.sender = sender
        let span = RequestSpan(request, route, id: id, ports)
        var response = await AuditOrigin.$current.withValue(origin) {
            await LogIDs.$current.withValue(LogIDs(request: id)) {
                await SpanContext.$current.withValue(span?.context) {
                    await router.respond(to: request, by: route)
                }
            }
        }
        span?.ended(response.status)
        response.headers.set("X-Request-ID", id)
        return Self.inert(response)
    }

    private static func words(_ way: Caller.Way) -> String {
        if case .token(let id, _) = way { "token \(id)" } else { way.word }
    }

    /// No browser runs anything but the farm's own pages, which set a policy of their own: images,
    /// logs and outputs are made by templates, and most other answers repeat what strangers sent.
    private static func inert(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers.set("X-Content-Type-Options", "nosniff")
        if response.headers["Content-Security-Policy"] == nil {
            response.headers.set("Content-Security-Policy", "sandbox")
        }
        return response
    }

    private static func explain(
        _ error: any Error, _ request: HTTPRequest, _ nearMiss: NearMiss, _ context: APIContext
    ) async -> Problem {
        switch error {
        case let refusal as Refusal:
            return refusal.isPermanent
                ? .badRequest(refusal.description) : .conflict(refusal.description)
        case let fault as TemplateFault:
            let isBuild = request.path.utf8.starts(with: "/api/v1/builds".utf8)
            return .unprocessable(
                fault.description,
                remedy: (fault.isPermanent
                    ? "Fix the template" : "Check that the template's repository can be reached")
                    + (isBuild ? ", then submit the build again" : ", then try again"))
        case let fault as SheetFault:
            return .unprocessable(fault.description)
        case let fault as WebRootFault:
            return .unavailable(fault.description)
        case let fault as SignInFault: return SignInRoutes.problem(fault, context)
        case let fault as PasswordFault:
            return .unavailable(fault.description, retryAfterSeconds: 5)
        case let fault as HostFault:
            return Problem(status: 502, detail: fault.description)
        case let error as StoreError:
            switch error.code {
            case .exists: return .conflict(error.description, remedy: "Choose another name")
            case .notFound:
                guard let unknown = error.underlying(UnknownName.self) else {
                    return .notFound(error.description)
                }
                return .notFound(
                    error.description, remedy: await nearMiss.remedy(for: unknown))
            case .inUse, .lost: return .conflict(error.description)
            case .unavailable: return .unavailable(error.description)
            case .unusable:
                Logger("api").error("\(request.method) \(request.path): \(error)")
                return Problem(status: 500, detail: error.description)
            case .deposed: return .unavailable(error.description, retryAfterSeconds: 1)
            }
        default:
            Logger("api").error("\(request.method) \(request.path): \(error)")
            return .internalError()
        }
    }
}
