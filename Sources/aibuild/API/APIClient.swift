import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support
import Synchronization
import TextKit

/// The coordinator's API as commands use it: JSON in and out, errors with exit codes.
struct APIClient: Sendable {
    /// One coordinator, or several that share a database: each redirects to the leader.
    private let coordinators: [String]
    /// The one that responded last, which is tried first.
    private let current = SharedIndex()
    private let tokens: TokenSource
    private let http: HTTPClient

    /// - Parameters:
    ///   - url: of the coordinators, separated by commas.
    ///   - authorities: a file with those of their certificates; `nil`: the system's.
    init(url: String, token: String?, authorities: String? = nil) {
        let urls = url.split(separator: ",").map { part in
            let url = part.drop { $0 == " " }
            // As curl reads an address without a scheme.
            return (url.contains("://") ? "" : "http://")
                + (url.hasSuffix("/") ? url.dropLast() : url)
        }
        // An invalid URL is reported by the first request.
        coordinators = urls.isEmpty ? [url] : urls
        var limits = HTTPClientLimits()
        // A standby redirects to its leader, which may have changed meanwhile.
        limits.trustedRedirects = 3
        http = HTTPClient(limits: limits, tls: TLSFiles(authorities: authorities))
        tokens = TokenSource(token)
    }

    /// The header fields of every request.
    private func signed() -> HTTPHeaders {
        var headers: HTTPHeaders = ["User-Agent": "aibuild/\(CLI.version)"]
        tokens.sign(&headers)
        return headers
    }

    /// Where people find the web page, if there is more than one coordinator the first one's.
    var firstURL: String { coordinators[0] }

    /// - Returns: the body of a successful response.
    func get(_ path: String, query: [(String, String)] = []) async throws(CommandError) -> [UInt8] {
        try await ask("GET", path + Self.encode(query))
    }

    func send(_ method: String, _ path: String) async throws -> [UInt8] {
        try await ask(method, path, body: method == "DELETE" ? nil : Array("{}".utf8))
    }

    @inline(never)  // See `exchange`.
    func send(_ method: String, _ path: String, _ body: some Encodable) async throws -> [UInt8] {
        try await ask(method, path, body: try CanonicalJSON.encode(body))
    }

    /// Streams the body of a successful response.
    @inline(never)  // See `exchange`.
    func stream(
        _ path: String, query: [(String, String)] = [], lastEventID: String = "",
        onBytes: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws(HTTPClientError) {
        func follow(_ url: String) async throws(HTTPClientError) {
            var headers = signed()
            if !lastEventID.isEmpty { headers.set("Last-Event-ID", lastEventID) }
            try await http.stream(
                url + path + Self.encode(query), headers: headers,
                // Three heartbeats of the server.
                timeouts: HTTPTimeouts(stallSeconds: 45), onBytes: onBytes)
        }
        try await atACoordinator { url throws(HTTPClientError) in
            do throws(HTTPClientError) { try await follow(url) } catch {
                guard error.code == .status(401), await tokens.find(url, http) else { throw error }
                try await follow(url)
            }
        }
    }

    static func decode<T: Decodable>(_ type: T.Type, _ body: [UInt8]) throws -> T {
        do { return try JSONDecoder().decode(type, from: Data(body)) } catch {
            throw CommandError(
                .refused,
                "Cannot read the response of the coordinator with aibuild \(CLI.version). "
                    + "Compare versions: aibuild version")
        }
    }

    /// A name as one segment of a path.
    static func segment(_ name: String) -> String { PercentCoding.encode(name) }

    /// A build as people name it: an id, `debian12:7` or `debian12/7`.
    static func build(_ name: String) -> String {
        "/api/v1/builds/"
            + segment(String(name.map { $0 == "/" ? ":" : $0 }))
    }

    /// A release as people name it: an id, the beginning of one, or `debian12:7@lab`.
    static func release(_ name: String) -> String {
        "/api/v1/releases/" + segment(String(name.map { $0 == "/" ? ":" : $0 }))
    }

    /// Tries the coordinators in turn, starting with the one that responded last, until one accepts
    /// the connection. With several of them, waits for a takeover.
    private func atACoordinator<T>(
        _ ask: (String) async throws(HTTPClientError) -> T
    ) async throws(HTTPClientError) -> T {
        let first = current.value
        let deadline = Clocks.monotonicMilliseconds() + Self.takeoverMilliseconds
        var tries = 0
        var refused: HTTPClientError
        repeat {
            let index = (first + tries) % coordinators.count
            tries += 1
            do throws(HTTPClientError) {
                let answer = try await ask(coordinators[index])
                current.value = index
                return answer
            } catch {
                // Without a connection nothing was requested yet, so another one may be tried.
                guard [.refused, .couldNotResolve].contains(error.code), coordinators.count > 1
                else { throw error }
                refused = error
            }
            if tries % coordinators.count == 0 { try? await Task.sleep(for: .milliseconds(500)) }
        } while Clocks.monotonicMilliseconds() < deadline
        throw refused
    }

    /// How long all coordinators may be unreachable: twice the duration of a takeover.
    private static let takeoverMilliseconds: Int64 = 30_000

    var url: String { coordinators.joined(separator: ",") }

    func commandError(_ error: HTTPClientError) -> CommandError {
        switch error.code {
        case .status(400): CommandError(.usage, words(error.problem) ?? "\(error)")
        case .status(404): CommandError(.notFound, words(error.problem) ?? "\(error)")
        case .status: CommandError(.refused, words(error.problem) ?? "\(error)")
        case .invalidRequest, .protocolForbidden:
            CommandError(.usage, "Invalid AIBUILD_URL or --url '\(url)': \(error)")
        default:
            CommandError(
                .unreachable,
                "Request failed: \(error)\n"
                    + (CertificateRemedy.text(error, url: url)
                        ?? "If \(url) is not the coordinator, set AIBUILD_URL or --url."))
        }
    }

    /// The response to an upload. A list of what is wrong in the file is one as well.
    struct Answer {
        var isGood: Bool
        var body: [UInt8]
    }

    /// Uploads a file. The coordinator may take minutes to process it.
    func upload(
        _ path: String, query: [(String, String)], _ bytes: [UInt8]
    ) async throws(CommandError) -> Answer {
        let answer = try await exchange(
            "POST", path + Self.encode(query), bytes, type: "application/octet-stream",
            stallSeconds: 900)
        if answer.status == 422,
            (try? Self.decode(ImportProblemAnswer.self, answer.body))?.problems != nil
        {
            return Answer(isGood: false, body: answer.body)
        }
        return Answer(isGood: true, body: try good(answer))
    }

    @inline(never)  // See `exchange`.
    private func ask(
        _ method: String, _ target: String, body: [UInt8]? = nil
    ) async throws(CommandError) -> [UInt8] {
        try good(
            await exchange(
                method, target, body ?? [], type: body == nil ? nil : "application/json",
                stallSeconds: 60))
    }

    // Never inlined: the optimizer of Swift 6.3 crashes on the coroutine of `aibuild build` when
    // all of this is part of it.
    @inline(never)
    private func exchange(
        _ method: String, _ target: String, _ body: [UInt8], type: String?, stallSeconds: Double
    ) async throws(CommandError) -> HTTPAnswer {
        func once(_ url: String) async throws(HTTPClientError) -> HTTPAnswer {
            var headers = signed()
            if let type { headers.set("Content-Type", type) }
            return try await http.request(
                method, url + target, headers: headers, body: body,
                timeouts: HTTPTimeouts(stallSeconds: stallSeconds))
        }
        do throws(HTTPClientError) {
            return try await atACoordinator { url throws(HTTPClientError) in
                let answer = try await once(url)
                guard answer.status == 401, await tokens.find(url, http) else { return answer }
                return try await once(url)
            }
        } catch {
            throw commandError(error)
        }
    }

    private func good(_ answer: HTTPAnswer) throws(CommandError) -> [UInt8] {
        if (200..<300).contains(answer.status) { return answer.body }
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(answer.body))
        let status = "\(answer.status) \(HTTPStatus.reason(answer.status))"
        throw CommandError(
            answer.status == 404 ? .notFound : .refused,
            words(problem)
                ?? "Unexpected response from \(url): \(status). Check that it is a coordinator")
    }

    private func words(_ problem: Problem?) -> String? {
        guard let problem, !problem.detail.isEmpty else { return nil }
        guard let remedy = problem.remedy, !remedy.isEmpty else { return problem.detail }
        return "\(problem.detail)\n\(remedy)"
    }

    private static func encode(_ query: [(String, String)]) -> String {
        query.isEmpty
            ? ""
            : "?" + query.map { "\($0)=\(PercentCoding.encode($1))" }.joined(separator: "&")
    }
}

/// A number that several tasks use.
private final class SharedIndex: Sendable {
    private let number = Mutex(0)

    var value: Int {
        get { number.withLock(\.self) }
        set { number.withLock { $0 = newValue } }
    }
}
