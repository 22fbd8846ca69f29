import CoordinatorCore
import CoordinatorService
public import HTTPTypes
import Support

/// All routes. `respond` is what a server calls.
public struct API: Sendable {
    private let router: Router
    private let token: String?
    private let standby: Standby

    public init(_ context: APIContext) {
        var router = Router(explain: Self.explain)
        GuestOSRoutes.add(to: &router, context)
        TestCaseRoutes.add(to: &router, context)
        ImportRoutes.add(to: &router, context)
        HookRoutes.add(to: &router, context)
        HostRoutes.add(to: &router, context)
        BuildRoutes.add(to: &router, context)
        AttemptRoutes.add(to: &router, context)
        OutputRoutes.add(to: &router, context)
        HistoricRoutes.add(to: &router, context)
        EnvironmentRoutes.add(to: &router, context)
        ReleaseRoutes.add(to: &router, context)
        RetentionRoutes.add(to: &router, context)
        EventRoutes.add(to: &router, context)
        ImageRoutes.add(to: &router, context)
        StatusRoutes.add(to: &router, context)
        PageRoutes.add(to: &router, context)
        self.router = router
        token = context.token
        standby = Standby(standing: context.standing)
    }

    /// Method and pattern of every route; a test compares them with docs/api.md.
    public var table: [(method: String, pattern: String)] { router.table }

    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let token, !isOpen(request.path), !isAuthorized(request, token) {
            return Problem.unauthorized(
                "This coordinator requires a token",
                remedy: "Send Authorization: Bearer TOKEN. The CLI takes it from AIBUILD_TOKEN"
            ).response
        }
        if let elsewhere = await standby.response(to: request) { return elsewhere }
        return await router.respond(to: request)
    }

    private func isOpen(_ path: String) -> Bool {
        path == "/healthz" || path == "/readyz" || path == HookRoutes.gitLabPath
            || path.hasPrefix("/images/")
    }

    private func isAuthorized(_ request: HTTPRequest, _ token: String) -> Bool {
        guard let value = request.headers["Authorization"], value.hasPrefix("Bearer ") else {
            return false
        }
        // Digests are compared, so that the time taken reveals nothing about the token.
        return SHA256.hex(value.dropFirst("Bearer ".count).utf8) == SHA256.hex(token.utf8)
    }

    private static func explain(_ error: any Error, _ request: HTTPRequest) -> Problem {
        switch error {
        case let refusal as Refusal:
            return refusal.code == .conflict
                ? .conflict(refusal.description) : .badRequest(refusal.description)
        case let fault as TemplateFault:
            return .unprocessable(
                fault.description,
                remedy: fault.isPermanent
                    ? "Fix the template, then submit the build again"
                    : "Check that the template's repository can be reached, then submit the build "
                        + "again")
        case let fault as SheetFault:
            return .unprocessable(fault.description)
        case let fault as WebRootFault:
            return .unavailable(fault.description)
        case let fault as HostFault:
            return Problem(status: 502, detail: fault.description)
        case let error as StoreError:
            switch error.code {
            case .exists: return .conflict(error.description, remedy: "Choose another name")
            case .notFound: return .notFound(error.description)
            case .unavailable: return .unavailable(error.description)
            case .deposed: return .unavailable(error.description, retryAfterSeconds: 1)
            }
        default:
            Logger("api").error("\(request.method) \(request.path): \(error)")
            return .internalError()
        }
    }
}
