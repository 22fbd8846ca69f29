import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum StatusRoutes {
    struct Version: Encodable { var version, `protocol`: String }
    struct Leader: Encodable {
        var isLeading: Bool
        var epoch: Int64?
        var url: String?
    }
    struct Setup: Encodable {
        struct Item: Encodable {
            var problem, remedy: String
            var isGuess: Bool
        }

        var problems: [Item]
        var signIn: SignIn?
    }
    /// The other system that browsers sign in by.
    struct SignIn: Encodable {
        var label: String
        var reachedAt, problem, problemAt: String?

        init(_ provider: any BrowserIdentityProvider) {
            let contact = provider.contact
            label = provider.label
            reachedAt = contact.reachedMilliseconds.map { Time.text($0) }
            problem = contact.problem
            problemAt = problem == nil ? nil : contact.faultMilliseconds.map { Time.text($0) }
        }
    }
    struct Ready: Encodable { var ready = true }

    /// Of the JSON Schema with which editors complete `aibuild.yml`.
    static let schemaPath = "/aibuild.schema.json"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/healthz") { _, _ in .text("ok\n") }
        router.on("GET", schemaPath) { _, _ in
            HTTPResponse(
                headers: ["Content-Type": "application/schema+json"],
                body: .bytes(api.templateSchema))
        }
        router.on("GET", "/readyz") { _, _ in
            do { try await api.ports.store.ping() } catch {
                throw Problem.unavailable("The store is unavailable: \(error)")
            }
            if let problem = await api.storeProblem() {
                throw Problem.unavailable("The store cannot be written: \(problem)")
            }
            do { _ = try await api.ports.webRoot.freeBytes() } catch {
                throw Problem.unavailable("The web root is unavailable: \(error)")
            }
            if case .standingBy(nil) = await api.standing() {
                throw Problem.unavailable(
                    "No coordinator is leading yet, or this one is taking over",
                    retryAfterSeconds: 1)
            }
            return try .json(Ready())
        }
        router.on("GET", "/api/v1/leader") { _, _ in
            switch await api.standing() {
            case .leading(let epoch): try .json(Leader(isLeading: true, epoch: epoch))
            case .standingBy(let url): try .json(Leader(isLeading: false, url: url))
            }
        }
        router.on("GET", "/api/v1/setup") { _, _ in
            let hosts = (try? await api.ports.store.hosts()) ?? []
            let loopback = SetupProblem.loopback(
                api.ports.webRoot.url(ofPath: ""), hosts: hosts.map(\.address))
            let lost = (try? await LostSecrets(ports: api.ports).problems()) ?? []
            return try .json(
                Setup(
                    problems: (api.setupProblems() + [loopback].compactMap(\.self) + lost).map {
                        Setup.Item(problem: $0.problem, remedy: $0.remedy, isGuess: $0.isGuess)
                    }, signIn: api.ports.browserIdentities.map { SignIn($0) }))
        }
        router.on("GET", "/api/v1/version") { _, _ in
            try .json(
                Version(
                    version: api.version, protocol: ProtocolVersion.current.description))
        }
    }
}
