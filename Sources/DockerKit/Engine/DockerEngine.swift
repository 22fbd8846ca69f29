import FoundationEssentials
public import HTTPClientKit
import HTTPTypes
import TextKit

/// One Docker engine, reached over TLS with a client certificate.
public struct DockerEngine: Sendable {
    /// Its name in messages: "10.64.26.41:2376".
    public let name: String
    public let version: EngineVersion
    private let base: String
    private let client: HTTPClient

    /// Connects to the engine and negotiates the API version.
    public static func connect(
        host: String, port: Int, tls: TLSFiles
    ) async throws(DockerError) -> DockerEngine {
        var limits = HTTPClientLimits()
        limits.answerBytes = DockerLimits.answerBytes
        let client = HTTPClient(limits: limits, tls: tls)
        let literal = host.contains(":") ? "[\(host)]" : host
        let name = "\(literal):\(port)"
        let first = DockerEngine(
            name: name, version: EngineVersion(), base: "https://\(name)", client: client)
        let operation = "cannot use Docker on \(name)"
        let answer: HTTPAnswer
        do throws(DockerError) { answer = try await first.call("GET", "/version", operation) } catch
        {
            guard error.code == .unreachable else { throw error }
            throw await first.refusal(limits, tls, operation) ?? error
        }
        let version: EngineVersion = try first.decode(answer, "its version")
        let wanted = DockerLimits.engineAPI
        guard let newest = APIVersion(version.apiVersion), newest >= wanted else {
            throw DockerError(
                .invalid,
                "Docker \(version.version) on \(name) has API \(version.apiVersion), but \(wanted) "
                    + "is required: upgrade it to Docker 20.10 or newer")
        }
        // Newer engines no longer support the oldest versions.
        let oldest = version.minAPIVersion.flatMap { APIVersion($0) } ?? wanted
        return DockerEngine(
            name: name, version: version, base: "https://\(name)/v\(max(wanted, oldest))",
            client: client)
    }

    /// With TLS 1.3 an engine that rejects the client's certificate closes the connection after the
    /// handshake, and the reason is lost if the client was still sending. TLS 1.2 reports it.
    private func refusal(
        _ limits: HTTPClientLimits, _ tls: TLSFiles, _ operation: String
    ) async -> DockerError? {
        var tls = tls
        tls.isAtMost12 = true
        do throws(HTTPClientError) {
            _ = try await HTTPClient(limits: limits, tls: tls).request("GET", base + "/_ping")
            return nil
        } catch {
            return error.code == .certificateRefused ? DockerError(error, operation) : nil
        }
    }

    /// Sends a request whose response is held in memory.
    ///
    /// - Parameters:
    ///   - operation: the beginning of error messages: "cannot stop web on 10.0.0.1:2376".
    ///   - accept: statuses that are not errors.
    func call(
        _ method: String, _ path: String, query: [(String, String)] = [], body: JSON? = nil,
        _ operation: String, accept: Set<Int> = [200, 201, 204],
        seconds: Double = DockerLimits.callSeconds
    ) async throws(DockerError) -> HTTPAnswer {
        var headers: HTTPHeaders = [:]
        if body != nil { headers.set("Content-Type", "application/json") }
        let answer: HTTPAnswer
        do throws(HTTPClientError) {
            answer = try await client.request(
                method, url(path, query), headers: headers, body: body?.bytes ?? [],
                timeouts: HTTPTimeouts(stallSeconds: seconds, totalSeconds: seconds))
        } catch {
            throw DockerError(error, operation)
        }
        guard accept.contains(answer.status) else {
            let reason = Self.errorMessage(answer.body) ?? "status \(answer.status)"
            throw DockerError(status: answer.status, "\(operation): \(reason)")
        }
        return answer
    }

    /// Sends a POST and passes on the lines of the response as they arrive. An error in a line is
    /// thrown.
    func lines(
        _ path: String, query: [(String, String)], headers: HTTPHeaders, _ operation: String,
        onLine: @escaping @Sendable (JSON) -> Void
    ) async throws(DockerError) {
        let reader = ProgressLines(onLine)
        do throws(HTTPClientError) {
            try await client.stream(
                url(path, query), method: "POST", headers: headers,
                timeouts: HTTPTimeouts(stallSeconds: DockerLimits.pullSilenceSeconds)
            ) { try reader.take($0) }
        } catch {
            if let cause = error.cause as? ProgressLines.Failed {
                throw Self.failure(operation, cause.message)
            }
            let reason = Self.errorMessage(error.body)
            // A refusal by the registry is an error 500 of the engine, told apart by its message.
            if case .status(500...) = error.code, let reason {
                throw Self.failure(operation, reason)
            }
            throw DockerError(error, operation, reason: reason)
        }
        if let reason = reader.finish() { throw Self.failure(operation, reason) }
    }

    /// An error inside a response has no status and is classified by its message.
    private static func failure(_ operation: String, _ reason: String) -> DockerError {
        let text = reason.lowercased()
        let code: DockerErrorCode =
            if text.contains("unauthorized") || text.contains("denied")
                || text.contains("no basic auth")
            {
                .unauthorized
            } else if text.contains("manifest unknown") || text.contains("not found") {
                .notFound
            } else {
                .failed
            }
        return DockerError(code, "\(operation): \(reason.prefix(DockerLimits.quotedBytes))")
    }

    func decode<T: Decodable>(_ answer: HTTPAnswer, _ what: String) throws(DockerError) -> T {
        do {
            return try JSONDecoder().decode(T.self, from: Data(answer.body))
        } catch {
            throw DockerError(
                .failed, "cannot parse \(what) from Docker on \(name)", cause: error)
        }
    }

    private func url(_ path: String, _ query: [(String, String)]) -> String {
        let fields = query.map { "\($0.0)=\(PercentCoding.encode($0.1))" }
        return base + path + (fields.isEmpty ? "" : "?" + fields.joined(separator: "&"))
    }

    /// The message of `{"message": "…"}`.
    private static func errorMessage(_ body: [UInt8]) -> String? {
        guard let text = (try? JSON(parsing: body))?["message"]?.text else { return nil }
        return String(text.prefix(DockerLimits.quotedBytes))
    }
}
