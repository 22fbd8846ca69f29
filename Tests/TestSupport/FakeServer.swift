import Support

/// A script of this folder that serves on loopback until it is released.
final class FakeServer: Sendable {
    /// Without a path.
    let url: String
    private let folder: TemporaryFolder
    private let program: FarmProgram

    /// Starts `<name>.py` with the file for its port, and these arguments.
    /// - Parameter place: its folder; that of this file if it is `nil`.
    static func start(
        _ name: String, in place: String? = nil, _ arguments: [String],
        environment: [String: String] = [:]
    ) async throws -> FakeServer {
        let folder = try TemporaryFolder()
        let script = "\(place ?? Files.folder(of: #filePath))/\(name).py"
        let port = folder.path + "/port"
        let program = try FarmProgram(
            name, ["-B", script, port] + arguments, logPath: folder.path + "/log",
            path: "/usr/bin/python3", environment: environment)
        let text = try await eventually("\(name) serves: \(program.log)") {
            (try? Files.read(port, limitBytes: 10)).map { String(decoding: $0, as: UTF8.self) }
        }
        return FakeServer("http://127.0.0.1:\(text)", folder, program)
    }

    private init(_ url: String, _ folder: TemporaryFolder, _ program: FarmProgram) {
        self.url = url
        self.folder = folder
        self.program = program
    }

    var log: String { program.log }

    func kill() { program.kill() }
}
