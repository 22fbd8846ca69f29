import CoordinatorCore

/// What a route needs of whoever asks it.
enum RouteNeed: Sendable, Hashable {
    /// For everybody, under any name of this machine: whether the coordinator works and leads.
    case probe
    /// For everybody: what says nothing of this farm, and what lets people in.
    case nothing
    /// Whoever has signed in, whatever the role.
    case signedIn
    /// One's own account: for people, not for the tokens of their programs.
    case account
    case right(Right)
    /// A file of the web root: for everybody, but logs and records as `view`.
    case publishedFile
    /// A Git server or the like, by the secret of the hook.
    case hook
}

/// Who may ask what: the one table, in the order of the paths. A test finds no route without a row,
/// and a route without one is an administrator's.
///
/// Rights of guest OSes that a team owns are looked at by the routes, which know the guest OS.
enum RouteNeeds {
    static func need(_ method: String, _ pattern: String) -> RouteNeed {
        byRoute["\(method) \(pattern)"] ?? .right(.administer)
    }

    static let byRoute: [String: RouteNeed] = {
        var needs: [String: RouteNeed] = [:]
        for (need, routes) in rows {
            for route in routes { needs[route] = need }
        }
        return needs
    }()

    private static let rows: [(RouteNeed, [String])] = [
        (.probe, ["GET /healthz", "GET /readyz", "GET /api/v1/leader"]),
        (
            .nothing,
            [
                "GET \(StatusRoutes.schemaPath)", "GET \(BadgeRoutes.prefix){name}",
                "GET /sign-in", "POST /sign-in", "POST /api/v1/sign-in", "GET /static/{name}",
                "GET \(BrowserSignInRoutes.path)", "GET \(BrowserSignInRoutes.path)/callback",
                "POST /api/v1/sign-in/code",
            ]
        ),
        (
            .signedIn,
            [
                "GET /api/v1/whoami", "GET /api/v1/version", "POST /sign-out",
                "POST /api/v1/sign-out",
            ]
        ),
        (
            .account,
            [
                "GET /account", "GET \(FirstAdministratorPage.path)",
                "POST \(FirstAdministratorPage.path)", "GET \(CommandLineRoutes.path)",
                "POST \(CommandLineRoutes.path)",
                "POST /account/tokens/{id}/revoke", "POST /api/v1/sign-in-codes",
                "POST /api/v1/account/password", "GET /api/v1/tokens", "POST /api/v1/tokens",
                "DELETE /api/v1/tokens/{id}",
            ]
        ),
        (.publishedFile, ["GET /images/{path...}"]),
        (.hook, ["POST \(HookRoutes.prefix){name}"]),
        (.right(.view), viewed),
        (
            .right(.build),
            [
                "POST /api/v1/builds", "POST /api/v1/builds/{id}/cancel",
                "POST /api/v1/builds/{id}/retry",
                "POST /api/v1/builds/{id}/pin", "POST /api/v1/builds/{id}/unpin",
                "POST /api/v1/deliveries/{id}/replay", "POST /api/v1/deliveries/{id}/approve",
                "POST /v1/build", "POST /v1/test",
            ]
        ),
        (
            .right(.catalog),
            [
                "POST /api/v1/guestos", "PUT /api/v1/guestos/{name}",
                "DELETE /api/v1/guestos/{name}", "POST /api/v1/guestos/{name}/gitlab",
                "PUT /api/v1/guestos/{name}/grants", "DELETE /api/v1/guestos/{name}/grants",
                "POST /api/v1/testcases", "PUT /api/v1/testcases/{name}",
                "DELETE /api/v1/testcases/{name}", "POST /v1/guestos",
            ]
        ),
        (
            .right(.hosts),
            ["POST /api/v1/hosts/{name}/drain", "POST /api/v1/hosts/{name}/resume"]
        ),
        (
            .right(.release),
            [
                "POST /api/v1/releases", "POST /api/v1/releases/rollback",
                "POST /api/v1/releases/{id}/approve", "POST /api/v1/releases/{id}/refuse",
                "POST /api/v1/releases/{id}/cancel", "POST /api/v1/releases/{id}/abandon",
                "POST /api/v1/releases/{id}/retry", "POST /v1/release",
            ]
        ),
        (.right(.administer), administered),
    ]
}

extension RouteNeeds {
    private static let viewed = [
        "GET /", "GET /style", "GET /guestos", "GET /guestos/{name}", "GET /hosts",
        "GET /hosts/{name}", "GET /search", "GET /builds/{id}", "GET /releases", "GET /retention",
        "GET /deliveries", "GET /metrics",
        "GET /api/v1/guestos", "GET /api/v1/guestos/{name}", "GET /api/v1/testcases",
        "GET /api/v1/testcases/{name}", "GET /api/v1/export", "GET /api/v1/hooks",
        "GET /api/v1/deliveries", "GET /api/v1/deliveries/{id}", "GET /api/v1/hosts",
        "GET /api/v1/hosts/{name}", "GET /api/v1/hosts/{name}/drain", "GET /api/v1/builds",
        "GET /api/v1/builds/{id}", "GET /api/v1/builds/{id}/changes",
        "GET \(LogRoutes.path)", "GET \(LogRoutes.path)/lines", "GET \(LogRoutes.path)/search",
        "GET \(LogRoutes.path)/steps", "GET /api/v1/builds/{id}/events",
        "GET /api/v1/builds/{id}/outputs", "GET /api/v1/builds/{id}/outputs/{path...}",
        "GET /api/v1/attempts/{token}/screenshot", "GET /api/v1/queue", "GET /api/v1/events",
        "GET /api/v1/environments", "GET /api/v1/environments/{name}",
        "GET /api/v1/environments/{name}/names", "GET /api/v1/releases",
        "GET /api/v1/releases/{id}", "GET /api/v1/releases/{id}/events", "GET /api/v1/secrets",
        "GET /api/v1/failures", "GET /api/v1/retention", "GET /api/v1/storage",
        "GET /api/v1/schedules",
        "GET \(NotificationRoutes.path)", "GET /api/v1/setup", "GET /v1/guestos",
        "GET /v1/build", "GET /v1/env",
    ]

    private static let administered = [
        "GET /api/v1/host-setup", "GET /api/v1/host-setup/packages/{architecture}",
        "POST /api/v1/hosts/scan", "POST /api/v1/hosts", "PUT /api/v1/hosts/{name}",
        "DELETE /api/v1/hosts/{name}", "POST /api/v1/environments",
        "PUT /api/v1/environments/{name}", "DELETE /api/v1/environments/{name}",
        "POST /api/v1/environments/{name}/check", "PUT /api/v1/environments/{name}/names",
        "POST /v1/env", "PUT /api/v1/secrets/{name}", "DELETE /api/v1/secrets/{name}",
        "POST /api/v1/secrets/rotate-key", "POST /api/v1/retention",
        "POST /api/v1/retention/enable", "POST \(NotificationRoutes.path)/{place}/test",
        // A sheet may name every guest OS and environment.
        "POST /api/v1/import", "POST /api/v1/renames",
        "GET /api/v1/users", "GET /api/v1/users/{name}", "PUT /api/v1/users/{name}",
        "DELETE /api/v1/users/{name}", "GET /api/v1/audit", "GET /audit",
    ]
}
