import HTTPClientKit
public import TextKit

extension DockerEngine {
    /// All containers, including stopped ones.
    public func containers() async throws(DockerError) -> [ListedContainer] {
        let answer = try await call(
            "GET", "/containers/json", query: [("all", "1")],
            "cannot list the containers on \(name)")
        return try decode(answer, "its containers")
    }

    /// - Parameter container: name or id.
    /// - Returns: `nil` if it does not exist.
    public func container(_ container: String) async throws(DockerError) -> EngineContainer? {
        do throws(DockerError) {
            let answer = try await call(
                "GET", "/containers/\(container)/json",
                "cannot look at container \(container) on \(name)")
            return try decode(answer, "container \(container)")
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// - Returns: the container's id.
    public func create(_ container: String, _ body: JSON) async throws(DockerError) -> String {
        struct Created: Decodable {
            var Id: String
        }
        let answer = try await call(
            "POST", "/containers/create", query: [("name", container)], body: body,
            "cannot create container \(container) on \(name)")
        let created: Created = try decode(answer, "the new container \(container)")
        return created.Id
    }

    public func rename(_ container: String, to new: String) async throws(DockerError) {
        _ = try await call(
            "POST", "/containers/\(container)/rename", query: [("name", new)],
            "cannot rename container \(container) to \(new) on \(name)")
    }

    /// Does nothing if the container already runs.
    public func start(_ container: String) async throws(DockerError) {
        _ = try await call(
            "POST", "/containers/\(container)/start",
            "cannot start container \(container) on \(name)", accept: [204, 304])
    }

    /// Does nothing if the container does not run.
    public func stop(_ container: String) async throws(DockerError) {
        let grace = DockerLimits.stopSeconds
        _ = try await call(
            "POST", "/containers/\(container)/stop", query: [("t", String(grace))],
            "cannot stop container \(container) on \(name)", accept: [204, 304],
            seconds: DockerLimits.callSeconds + Double(grace))
    }

    /// Removes a container, even if it runs, if it exists. Its anonymous volumes are kept, since
    /// they may hold data.
    public func remove(_ container: String) async throws(DockerError) {
        do throws(DockerError) {
            _ = try await call(
                "DELETE", "/containers/\(container)", query: [("force", "1")],
                "cannot remove container \(container) on \(name)")
        } catch {
            if error.code != .notFound { throw error }
        }
    }

    /// The last lines of a container's log, for a message.
    public func logTail(_ container: String) async -> String {
        // Only shown next to another error, so its own errors are ignored.
        guard
            let answer = try? await call(
                "GET", "/containers/\(container)/logs",
                query: [
                    ("stdout", "1"), ("stderr", "1"), ("tail", String(DockerLimits.logLines)),
                ], "cannot read the log of \(container)")
        else { return "" }
        let text = String(decoding: LogFrames.payload(answer.body), as: UTF8.self)
        return String(text.suffix(DockerLimits.logBytes)).trimmingSuffix { $0.isNewline }
    }
}

extension String {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        var rest = self[...]
        while let last = rest.last, isTrimmed(last) { rest = rest.dropLast() }
        return String(rest)
    }
}

/// The log of a container without a terminal is framed: one byte for the stream, three zero bytes,
/// four with the length.
enum LogFrames {
    static func payload(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        var payload: [UInt8] = []
        while rest.count >= 8 {
            let head = Array(rest.prefix(8))
            // Logs of a terminal have no frames.
            guard head[0] <= 2, head[1...3].allSatisfy({ $0 == 0 }) else { return bytes }
            let length = head[4...].reduce(0) { $0 << 8 | Int($1) }
            payload += rest.dropFirst(8).prefix(length)
            rest = rest.dropFirst(8 + length)
        }
        return payload
    }
}
