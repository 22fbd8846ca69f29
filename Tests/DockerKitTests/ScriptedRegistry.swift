import Support
import TestSupport

/// A registry in Python: a script that prints "serves", and each request in a line after ">".
final class ScriptedRegistry: Sendable {
    let port: UInt16
    private let server: ServerProcess

    /// - Parameter arguments: of the script, after its port.
    init(_ script: String, _ arguments: [String] = []) async throws {
        let temporary = "/tmp/aib-registry\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(temporary, mode: 0o700)
        port = try LoopbackPort.free()
        server = try ServerProcess(
            folder: temporary, ["/usr/bin/python3", "-c", script, String(port)] + arguments)
        let server = server
        try await eventually("the registry's first word: \(server.log)") {
            server.log.contains("serves")
        }
    }

    var calls: [String] {
        server.log.split(separator: "\n").filter { $0.hasPrefix("> ") }.map {
            String($0.dropFirst(2))
        }
    }
}
