import FoundationEssentials
public import HTTPClientKit
public import HTTPTypes
import Support

/// A client of one coordinator's API, with the operations that tests need.
public struct FarmClient: Sendable {
    public let base: String
    private let http: HTTPClient
    private let token: String?

    /// - Parameters:
    ///   - token: `nil`: a stranger's client.
    ///   - authorities: of the coordinator's certificate.
    public init(base: String, token: String? = nil, authorities: String? = nil) {
        self.base = base
        self.token = token
        http = HTTPClient(tls: TLSFiles(authorities: authorities))
    }

    private func signed(_ headers: HTTPHeaders) -> HTTPHeaders {
        var headers = headers
        if let token, headers["Authorization"] == nil {
            headers.set("Authorization", "Bearer \(token)")
        }
        return headers
    }

    // MARK: Plain requests

    public func get(_ path: String, headers: HTTPHeaders = [:]) async throws -> HTTPAnswer {
        try await http.request("GET", base + path, headers: signed(headers))
    }

    /// - Parameter json: encoded by the caller, so that a test can send invalid requests.
    public func send(
        _ method: String, _ path: String, json: String = "{}",
        type: String? = "application/json", headers: HTTPHeaders = [:]
    ) async throws -> HTTPAnswer {
        var headers = headers
        if let type { headers.set("Content-Type", type) }
        return try await http.request(
            method, base + path, headers: signed(headers), body: Array(json.utf8),
            // Some requests query a cloud before they answer.
            timeouts: HTTPTimeouts(stallSeconds: 120))
    }

    public func problem(_ answer: HTTPAnswer) throws -> FarmProblem {
        guard answer.headers["Content-Type"]?.hasPrefix("application/problem+json") == true else {
            throw Failure("status \(answer.status), and no problem: \(Self.text(answer))")
        }
        return try Self.decode(FarmProblem.self, answer)
    }

    public static func text(_ answer: HTTPAnswer) -> String {
        String(decoding: answer.body, as: UTF8.self)
    }

    public static func decode<T: Decodable>(_ type: T.Type, _ answer: HTTPAnswer) throws -> T {
        do { return try JSONDecoder().decode(type, from: Data(answer.body)) } catch {
            throw Failure("not a \(type): \(text(answer).prefix(2000)): \(error)")
        }
    }

    private func wanted<T: Decodable>(_ type: T.Type, _ answer: HTTPAnswer) throws -> T {
        guard (200..<300).contains(answer.status) else {
            throw Failure("status \(answer.status): \(Self.text(answer).prefix(2000))")
        }
        return try Self.decode(type, answer)
    }

    /// A JSON string, quotes included.
    public static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return ((try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) }) ?? "\"\""
    }

    // MARK: Words of the product

    public func register(guestOS name: String, folder: String) async throws -> HTTPAnswer {
        try await send(
            "POST", "/api/v1/guestos",
            json: """
                {"name":\(Self.quoted(name)),"type":"linux",\
                "template":{"kind":"folder","path":\(Self.quoted(folder))}}
                """)
    }

    public func addHost(name: String, address: String, hostKey: String) async throws -> HTTPAnswer {
        try await send(
            "POST", "/api/v1/hosts",
            json: """
                {"name":\(Self.quoted(name)),"address":\(Self.quoted(address)),\
                "hostKey":\(Self.quoted(hostKey))}
                """)
    }

    public func submit(_ guestOS: String, priority: Int = 0) async throws -> FarmBuild {
        try wanted(
            FarmBuild.self,
            try await send(
                "POST", "/api/v1/builds",
                json: """
                    {"guestOS":\(Self.quoted(guestOS)),"priority":\(priority),"reason":"a test"}
                    """))
    }

    public func cancel(_ build: FarmBuild) async throws -> FarmBuild {
        try wanted(
            FarmBuild.self, try await send("POST", "/api/v1/builds/\(build.id)/cancel"))
    }

    public func build(_ id: String) async throws -> FarmBuild {
        try wanted(FarmBuild.self, try await get("/api/v1/builds/\(id)"))
    }

    /// The newest builds.
    public func builds() async throws -> [FarmBuild] {
        try wanted(FarmList<FarmBuild>.self, try await get("/api/v1/builds?limit=100")).items
    }

    public func host(_ name: String) async throws -> FarmHostView {
        try wanted(FarmHostView.self, try await get("/api/v1/hosts/\(name)"))
    }

    public func log(_ build: FarmBuild, attempt: String? = nil) async throws -> [UInt8] {
        let query = attempt.map { "?attempt=\($0)" } ?? ""
        let answer = try await get("/api/v1/builds/\(build.id)/log\(query)")
        guard answer.status == 200 else { throw Failure(Self.text(answer)) }
        return answer.body
    }

    // MARK: Waiting

    /// The build once `isWanted` is true or the build has ended, whichever comes first.
    public func wait(
        _ build: FarmBuild, for what: String, seconds: Int64 = 180,
        _ isWanted: (FarmBuild) -> Bool
    ) async throws -> FarmBuild {
        var last = ""
        return try await eventually(
            "build \(build.guestOS) is \(what); it is \(last)", seconds: seconds,
            everyMilliseconds: 50
        ) {
            let now = try await self.build(build.id)
            last = "\(now.state) \(now.phase ?? "") \(now.fault?.reason ?? "")"
            return isWanted(now) || now.isEnded ? now : nil
        }
    }

    public func end(of build: FarmBuild, seconds: Int64 = 180) async throws -> FarmBuild {
        try await wait(build, for: "ended", seconds: seconds) { $0.isEnded }
    }

    /// The build once its log contains the text.
    public func logs(_ build: FarmBuild, _ text: String, seconds: Int64 = 90) async throws {
        try await eventually(
            "the log of \(build.guestOS) says \(text)", seconds: seconds, everyMilliseconds: 50
        ) {
            let answer = try await get("/api/v1/builds/\(build.id)/log")
            return answer.status == 200 && Self.text(answer).contains(text)
        }
    }

    public func host(
        _ name: String, is state: String, seconds: Int64 = 90, saying words: String = ""
    ) async throws -> FarmHostView {
        var last = ""
        return try await eventually(
            "\(name) is \(state) \(words); it is \(last)", seconds: seconds, everyMilliseconds: 50
        ) {
            let now = try await host(name)
            last = "\(now.state): \(now.detail)"
            return now.state == state && now.detail.contains(words) ? now : nil
        }
    }

    /// Follows the events until `take` returns true, or the server ends the stream.
    public func follow(
        _ path: String, lastEventID: String? = nil,
        _ take: @escaping @Sendable (ServerSentEvent) -> Bool
    ) async throws {
        struct Enough: Error {}
        var headers: HTTPHeaders = ["Accept": "text/event-stream"]
        if let lastEventID { headers.set("Last-Event-ID", lastEventID) }
        let parser = EventReader()
        do {
            try await http.stream(base + path, headers: signed(headers)) { bytes in
                for event in try parser.feed(bytes) where !take(event) { throw Enough() }
            }
        } catch {
            guard error.cause is Enough else { throw error }
        }
    }
}
