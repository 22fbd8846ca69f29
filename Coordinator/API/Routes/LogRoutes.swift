import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// The log of a build by line: what the page shows, and what finds a place in a million lines.
enum LogRoutes {
    static let path = "/api/v1/builds/{id}/log"
    static let defaultLines = 200

    static func add(to router: inout Router, _ api: APIContext) {
        router.on(
            "GET", "\(path)/lines", query: ["from", "count", "ranges"]
        ) { request, path in
            let log = try await BuildLog(of: try await api.build(path["id"]), api)
            if let numbers = try ranges(request) {
                return try .json(try await log.lines(numbered: numbers))
            }
            return try .json(
                try await log.lines(
                    from: try number(request, "from") ?? 1,
                    count: try count(request, most: LogLimits.answerLines)))
        }
        router.on(
            "GET", "\(path)/search", query: ["q", "errors", "from", "before", "count"]
        ) { request, path in
            let log = try await BuildLog(of: try await api.build(path["id"]), api)
            guard let pattern = try pattern(request) else {
                throw Problem.badRequest(
                    "The search has no text",
                    remedy: "Give q=TEXT, errors=true, or both")
            }
            let before = try number(request, "before")
            return try .json(
                LogMatchesView(
                    try await api.buildLogs.search(
                        pattern, in: log.attempts.map(\.token),
                        from: try before ?? number(request, "from") ?? 1,
                        isBackwards: before != nil,
                        limit: try count(request, most: LogLimits.answerMatches))))
        }
        router.on("GET", "\(path)/steps") { _, path in
            let log = try await BuildLog(of: try await api.build(path["id"]), api)
            return try .json(ListView(items: log.steps))
        }
    }

    /// `nil` if all lines are wanted.
    private static func pattern(_ request: HTTPRequest) throws -> LogPattern? {
        let text = request.query["q"] ?? ""
        guard text.utf8.count <= LogLimits.searchedTextBytes else {
            throw Problem.badRequest(
                "The text to search for has \(text.utf8.count) bytes",
                remedy: "Use up to \(LogLimits.searchedTextBytes)")
        }
        var onlyErrors = false
        switch request.query["errors"] {
        case nil, "false": break
        case "true": onlyErrors = true
        case let word?:
            throw Problem.badRequest(
                "Invalid value of errors: \(Names.quoted(word))", remedy: "Use true or false")
        }
        return text.isEmpty && !onlyErrors ? nil : LogPattern(text: text, onlyErrors: onlyErrors)
    }

    private static func number(_ request: HTTPRequest, _ name: String) throws -> Int? {
        guard let text = request.query[name] else { return nil }
        guard let number = Int(text), number > 0, number < 1 << 40 else {
            throw Problem.badRequest(
                "Invalid line: \(name)=\(text.prefix(20))",
                remedy: "Lines are numbered from 1")
        }
        return number
    }

    private static func count(_ request: HTTPRequest, most: Int) throws -> Int {
        guard let text = request.query["count"] else { return defaultLines }
        guard let count = Int(text), (1...most).contains(count) else {
            throw Problem.badRequest(
                "Invalid count: \(text.prefix(20))", remedy: "Use 1 to \(most)")
        }
        return count
    }

    /// `ranges=1-20,31-31`: the numbers in them, in order.
    private static func ranges(_ request: HTTPRequest) throws -> [Int]? {
        guard let text = request.query["ranges"] else { return nil }
        let problem = Problem.badRequest(
            "Invalid ranges: \(text.prefix(40))",
            remedy: "Use FIRST-LAST,FIRST-LAST… in rising order, with up to "
                + "\(LogLimits.answerLines) lines in all")
        var numbers: [Int] = []
        for range in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = range.split(separator: "-").map { Int($0) }
            guard ends.count == 2, let first = ends[0], let last = ends[1],
                first > numbers.last ?? 0, last >= first, last < 1 << 40,
                last - first < LogLimits.answerLines - numbers.count
            else { throw problem }
            numbers += first...last
        }
        return numbers
    }
}

/// The log of one build, over all its attempts.
struct BuildLog {
    let attempts: [Attempt]
    private let build: Build
    private let extent: [AttemptLines]
    private let api: APIContext

    init(of build: Build, _ api: APIContext) async throws {
        if let problem = Gone.problem(build) { throw problem }
        self.build = build
        self.api = api
        attempts = try await api.ports.store.attempts(ofBuild: build.id)
        extent = try await api.buildLogs.extent(of: attempts.map(\.token))
    }

    var total: Int { extent.last?.lastLine ?? 0 }
    var sizeBytes: Int64 { extent.map(\.sizeBytes).clampedSum() }

    func lines(from: Int, count: Int) async throws -> LogLinesView {
        view(try await api.buildLogs.lines(from...(from + count - 1), in: extent))
    }

    /// Those of them that there are.
    func lines(numbered numbers: [Int]) async throws -> LogLinesView {
        view(try await api.buildLogs.lines(numbered: numbers, in: extent))
    }

    private func view(_ lines: [ShownLine]) -> LogLinesView {
        LogLinesView(
            total: total, sizeBytes: sizeBytes,
            attempts: extent.enumerated().map { AttemptLinesView($1, ordinal: $0 + 1) },
            lines: lines.map(LogLineView.init))
    }

    var steps: [LogStepView] {
        zip(attempts, extent).enumerated().flatMap { index, part in
            let hasEnded =
                part.0.outcome != nil || index + 1 < attempts.count
                || build.state.isEnded
            return part.1.steps.map {
                LogStepView($0, part.1, ordinal: index + 1, hasEnded: hasEnded)
            }
        }
    }
}
