import TextKit

/// Which parameters the query of a route may have.
public enum RouteQuery: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// The handler ignores those that it does not know.
    case any
    case only([String])

    public init(arrayLiteral names: String...) { self = .only(names) }

    /// A parameter that nobody reads looks as if it had been applied: a list without its filter, a
    /// page that is the first one again.
    func refusal(of request: HTTPRequest) -> Problem? {
        guard case .only(let known) = self,
            let unknown = request.query.items.first(where: { !known.contains($0.name) })
        else { return nil }
        let near = Suggestion.nearest(to: unknown.name, in: known)
        return .badRequest(
            "Unknown parameter '\(unknown.name.visible.prefix(80))' of "
                + "\(request.method) \(request.path.prefix(200))",
            remedy: (near.map { "Did you mean '\($0)'? " } ?? "")
                + (known.isEmpty
                    ? "It takes no parameters" : "It takes \(known.joined(separator: ", "))"))
    }
}
