/// `/api/v1/builds/{id}/log`, or `/images/{path...}`, whose last parameter takes the rest of the
/// path.
struct RoutePattern: Sendable {
    /// In the order of preference, if several patterns match a path.
    enum Segment: Sendable, Hashable {
        case literal(String)
        case parameter(String)
        case rest(String)

        var rank: Int {
            switch self {
            case .literal: 0
            case .parameter: 1
            case .rest: 2
            }
        }
    }

    let text: String
    let segments: [Segment]

    init(_ text: String) {
        self.text = text
        segments = text.split(separator: "/").map { part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return .literal(String(part)) }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix("...")
                ? .rest(String(name.dropLast(3))) : .parameter(String(name))
        }
    }

    /// The values of the parameters, or `nil` if the path does not match.
    func match(_ path: [String]) -> [String: String]? {
        var values: [String: String] = [:]
        for (index, segment) in segments.enumerated() {
            switch segment {
            case .literal(let word):
                guard index < path.count, path[index] == word else { return nil }
            case .parameter(let name):
                guard index < path.count else { return nil }
                values[name] = path[index]
            case .rest(let name):
                values[name] = path.dropFirst(index).joined(separator: "/")
                return values
            }
        }
        return path.count == segments.count ? values : nil
    }

    /// Whether this pattern is preferred to `other`, which matches the same path.
    func precedes(_ other: RoutePattern) -> Bool {
        for (mine, theirs) in zip(segments, other.segments) where mine.rank != theirs.rank {
            return mine.rank < theirs.rank
        }
        // The longer one ends with a rest, which would be empty.
        return segments.count < other.segments.count
    }

    /// How similar a path without a match is to this pattern; 0 means not at all.
    func likeness(_ path: [String]) -> Int {
        var score = 0
        for (segment, word) in zip(segments, path) {
            guard case .literal(let literal) = segment else { return score + 1 }
            if literal == word {
                score += 10
            } else {
                let common = zip(literal.utf8, word.utf8).prefix { $0 == $1 }.count
                return score + (common >= 3 ? common : 0)
            }
        }
        return score
    }
}
