/// Finds the handler of a request by method and path pattern.
///
/// `HEAD` is handled as `GET`: the server leaves the body out.
public struct Router: Sendable {
    public typealias Handler =
        @Sendable (HTTPRequest, PathParameters) async throws -> HTTPResponse

    /// The route of a request.
    public struct Match: Sendable {
        /// As in `table`.
        public let method: String
        public let pattern: String
        fileprivate let query: RouteQuery
        fileprivate let handler: Handler
        fileprivate let parameters: PathParameters
    }

    private struct Route: Sendable {
        let pattern: RoutePattern
        var methods: [String: (query: RouteQuery, handler: Handler)]
    }

    private var routes: [Route] = []
    private let explain: @Sendable (any Error, HTTPRequest) async -> Problem
    private let present: @Sendable (Problem, HTTPRequest) -> HTTPResponse
    private let strictPrefix: String?

    /// - Parameters:
    ///   - strictPrefix: routes whose pattern begins with it take only the query parameters that
    ///     they list.
    ///   - explain: converts an error of a handler that is not a `Problem` to one. It is the place
    ///     to log unexpected errors.
    ///   - present: makes the response of a problem; by default as programs read it.
    public init(
        strictPrefix: String? = nil,
        explain: @escaping @Sendable (any Error, HTTPRequest) async -> Problem,
        present: @escaping @Sendable (Problem, HTTPRequest) -> HTTPResponse = { problem, _ in
            problem.response
        }
    ) {
        self.strictPrefix = strictPrefix
        self.explain = explain
        self.present = present
    }

    /// - Parameters:
    ///   - pattern: `/builds/{id}/log`; `{name...}` as the last segment takes the rest of the path,
    ///     which may be empty. A literal is preferred to a parameter, and a parameter to a rest.
    ///   - query: the parameters that it takes; by default none under the strict prefix, and any
    ///     elsewhere.
    public mutating func on(
        _ method: String, _ pattern: String, query: RouteQuery? = nil,
        _ handler: @escaping Handler
    ) {
        let isStrict = strictPrefix.map { pattern.utf8.starts(with: $0.utf8) } ?? false
        let entry = (query: query ?? (isStrict ? [] : .any), handler: handler)
        if let index = routes.firstIndex(where: { $0.pattern.text == pattern }) {
            routes[index].methods[method] = entry
        } else {
            routes.append(Route(pattern: RoutePattern(pattern), methods: [method: entry]))
        }
    }

    /// Every method, pattern and query, sorted; a test compares them with the documentation.
    public var table: [(method: String, pattern: String, query: RouteQuery)] {
        routes.flatMap { route in
            route.methods.map { ($0.key, route.pattern.text, $0.value.query) }
        }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    }

    /// - Parameter match: which route it is for, if that is known.
    public func respond(to request: HTTPRequest, by match: Match? = nil) async -> HTTPResponse {
        do {
            guard let match = match ?? self.match(request) else { throw unknown(request) }
            if let refusal = match.query.refusal(of: request) { throw refusal }
            return try await match.handler(request, match.parameters)
        } catch let problem as Problem {
            return present(problem, request)
        } catch {
            return present(await explain(error, request), request)
        }
    }

    /// Which route a request is for; `nil` if there is none.
    public func match(_ request: HTTPRequest) -> Match? {
        guard let (route, values) = best(request.segments) else { return nil }
        let method = request.method == "HEAD" ? "GET" : request.method
        guard let (query, handler) = route.methods[method] else { return nil }
        return Match(
            method: method, pattern: route.pattern.text, query: query, handler: handler,
            parameters: PathParameters(values: values))
    }

    private func best(_ path: [String]) -> (route: Route, values: [String: String])? {
        var best: (route: Route, values: [String: String])?
        for route in routes {
            guard let values = route.pattern.match(path) else { continue }
            if best.map({ route.pattern.precedes($0.route.pattern) }) ?? true {
                best = (route, values)
            }
        }
        return best
    }

    private func unknown(_ request: HTTPRequest) -> Problem {
        let path = request.segments
        if let (route, _) = best(path) {
            var allow = Set(route.methods.keys)
            if allow.contains("GET") { allow.insert("HEAD") }
            return .methodNotAllowed(request.method, allow: allow.sorted())
        }
        let scored = routes.map { ($0.pattern.likeness(path), $0.pattern.text) }
            .filter { $0.0 > 0 }
        let top = scored.map(\.0).max()
        let similar = scored.filter { $0.0 == top }.map(\.1).sorted().prefix(3)
        return .notFound(
            "There is nothing at \(request.path.prefix(200))",
            remedy: similar.isEmpty ? nil : "Similar paths: " + similar.joined(separator: ", "))
    }
}

/// The values of the path for each `{name}` of the pattern.
public struct PathParameters: Sendable {
    private let values: [String: String]

    init(values: [String: String]) { self.values = values }

    /// `""` for a name that the pattern does not have, which is a mistake in the routes.
    public subscript(name: String) -> String { values[name] ?? "" }
}
