import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support
import TextKit

/// Webhooks of Git servers. They authenticate by a secret of their own, not by the API token
/// (`AccessControl`).
///
/// A report is stored, and handled afterwards (`Deliveries`). Whatever proves that it is from the
/// hook is answered with 200: Git servers disable hooks that respond with errors, GitLab for every
/// project of a group.
enum HookRoutes {
    static let prefix = "/api/v1/hooks/"

    private struct Answer: Encodable {
        var delivery: Int
        var state: String
        /// Why it starts no build, if that is known already.
        var outcome: String?
    }

    private struct Ignored: Encodable { var ignored: String }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", prefix + "{name}", query: .any) { request, path in
            guard let source = api.ports.hooks.first(where: { $0.name == path["name"] }) else {
                // One that stayed after it was taken out of coordinator.yml.
                return try ignored(
                    "this coordinator has no such hook (\(path["name"].prefix(80))); delete it on "
                        + "the Git server")
            }
            return try await receive(request, source, api)
        }
        router.on("GET", "/api/v1/hooks") { request, _ in
            try .json(ListView(items: try await HookView.all(api)))
        }
    }

    private static func receive(
        _ request: HTTPRequest, _ source: HookSource, _ api: APIContext
    ) async throws -> HTTPResponse {
        let now = api.ports.clock.unixMilliseconds()
        guard
            source.isGenuine(
                { request.headers[$0] }, request.body, nowMilliseconds: now)
        else {
            refused(source, request)
            if let flaw = source.flaw({ request.headers[$0] }, nowMilliseconds: now) {
                throw Problem.unauthorized(
                    "The request does not prove that it is from the hook \(source.name)",
                    remedy: flaw)
            }
            throw refusal(source)
        }
        let (delivery, payload) = ReceivedReport.read(request, source, nowMilliseconds: now)
        let stored = try await api.ports.store.receive(delivery, payload: payload)
        if stored.state == .queued { api.coordinator.leader?.deliveries.wake() }
        return try .json(
            Answer(
                delivery: stored.id, state: stored.state.rawValue,
                outcome: stored.outcome.isEmpty ? nil : stored.outcome))
    }

    /// For those who look why nothing comes: a wrong secret looks like a closed firewall otherwise.
    private static func refused(_ source: HookSource, _ request: HTTPRequest) {
        Logger("triggers").warning(
            "a request to the hook \(source.name) from \(request.remoteAddress) was refused: its "
                + "proof is wrong")
    }

    private static func refusal(_ source: HookSource) -> Problem {
        .unauthorized(
            "The request does not prove that it is from the hook \(source.name)",
            remedy: source.kind == .gitlab && source.name == HookSource.gitLab
                ? "Fix the hook: aibuild guestos gitlab NAME"
                : "Give the hook on the Git server the secret that secret_file of "
                    + "hooks: \(source.name): in coordinator.yml has")
    }

    /// Whether the headers of a request may be from a hook. Never waits.
    static func refusal(of request: HTTPRequest, _ hooks: [HookSource]) -> Problem? {
        let name = request.path.utf8.dropFirst(prefix.utf8.count)
        guard let source = hooks.first(where: { $0.name.utf8.elementsEqual(name) }) else {
            // Without such a hook no report starts anything, and the Git server is told so.
            return request.headers["X-Gitlab-Token"] != nil
                ? nil
                : .unauthorized("This coordinator has no such hook", remedy: "See aibuild hooks")
        }
        if source.mayBeGenuine({ request.headers[$0] }) { return nil }
        refused(source, request)
        return refusal(source)
    }

    private static func ignored(_ why: String) throws -> HTTPResponse {
        Logger("triggers").info("hook request ignored: \(why)")
        return try .json(Ignored(ignored: why))
    }

    /// The answer to a report that is too large to be read, such as one of a push with very long
    /// messages; `nil` for other requests.
    static func response(
        toOversized request: HTTPRequest, _ hooks: [HookSource]
    ) -> HTTPResponse? {
        // Only what proves itself by its headers.
        guard request.path.utf8.starts(with: prefix.utf8),
            hooks.contains(where: {
                request.path == prefix + $0.name && $0.kind == .gitlab
            })
        else { return nil }
        return try? ignored(
            "the report is too large to be read; submit the build: aibuild build GUESTOS")
    }
}

/// A request of a hook as the delivery that is stored.
enum ReceivedReport {
    /// Longer keys are replaced by their digest, so that they fit the store.
    private static let keyBytes = 100

    static func read(
        _ request: HTTPRequest, _ source: HookSource, nowMilliseconds: Int64
    ) -> (Delivery, payload: String) {
        let kind = source.kind
        let event = (first(kind.eventHeaders, request) ?? "").prefixOfUTF8(100)
        var delivery = Delivery(
            hook: source.name, key: key(request, kind, event), event: event.visible,
            receivedMilliseconds: nowMilliseconds, payloadBytes: Int64(request.body.count))
        do throws(UnusedReport) {
            delivery.reports = try kind.reports(request.body, event: event)
        } catch {
            delivery.state = .ignored
            delivery.outcome = error.description
        }
        let payload = request.body.prefix(DeliveryRules.payloadBytes)
        // A cut character at the end, or NUL, which MariaDB and SQLite keep differently.
        return (
            delivery, String(decoding: payload, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
        )
    }

    private static func first(_ names: [String], _ request: HTTPRequest) -> String? {
        names.lazy.compactMap { request.headers[$0] }.first { !$0.isEmpty }
    }

    /// The same report sent again has the same key, also if the server names no delivery: GitLab
    /// did not before 17.4.
    private static func key(
        _ request: HTTPRequest, _ kind: ReportKind, _ event: String
    ) -> String {
        if let key = first(kind.deliveryHeaders, request) {
            let isPlain = key.utf8.allSatisfy { (0x21..<0x7F).contains($0) }
            return key.utf8.count <= keyBytes && isPlain ? key : SHA256.hex(key.utf8)
        }
        let id = request.headers["X-Gitlab-Event-UUID"] ?? ""
        return SHA256.hex(Array("\(id) \(event) ".utf8) + request.body)
    }
}
