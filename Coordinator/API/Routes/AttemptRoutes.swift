import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum AttemptRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/attempts/{token}/screenshot") { _, path in
            guard let token = AttemptToken(path["token"]),
                let png = try await api.ports.logs.evidence(of: token)?.screenshotPNG
            else {
                throw Problem.notFound(
                    "There is no screenshot of attempt \(Names.quoted(path["token"]))",
                    remedy: "One is taken when a timer ends a build whose QEMU responds")
            }
            return HTTPResponse(
                headers: [
                    "Content-Type": "image/png", "X-Content-Type-Options": "nosniff",
                    // The picture is untrusted: nothing in it may act with the rights of this site.
                    "Content-Security-Policy": "default-src 'none'; sandbox",
                    "Cache-Control": "private, max-age=3600",
                ], body: .bytes(png))
        }
    }
}
