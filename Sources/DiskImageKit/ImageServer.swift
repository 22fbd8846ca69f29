import CLinux
import Glibc
import ProcessKit
import Support

/// A `qemu-nbd` that serves one image, read-only, to the one connection that was made for it. It
/// ends with the connection, and with the thread that started it.
final class ImageServer {
    private let child: ChildProcess
    private let words: Pipe

    /// - Returns: the server, and the connected socket.
    static func start(_ path: String, format: String) throws -> (ImageServer, socket: Int32) {
        // Connected before the server runs: nobody else can connect, there is nothing to wait for,
        // and no socket is left on the disk.
        let folder = try Files.makeTemporaryFolder("aibuild-nbd")
        defer { try? Files.remove(folder) }
        let place = folder + "/socket"
        let listener = Descriptor(
            owning: try checked(aib_unix_listen(place, 1), "cannot listen on \(place)"))
        let socket = Descriptor(
            owning: try checked(aib_unix_connect(place), "cannot connect to \(place)"))
        let server = try ImageServer(path, format: format, listener: listener.raw)
        return (server, socket.release())
    }

    private init(_ path: String, format: String, listener: Int32) throws {
        // LISTEN_PID must be the id of the server, which the shell becomes. The format is given,
        // never guessed: a guest may have put the header of another format into a raw image.
        let script = "export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\""
        var words = try Pipe()
        child = try ChildProcess(
            Command(
                [
                    "setpriv", "--pdeathsig", "KILL", "--no-new-privs", "prlimit",
                    "--as=\(DiskImageLimits.serverBytes)", "--core=0", "sh", "-c", script, "sh",
                    "qemu-nbd", "--read-only", "--format=\(format)", "--", path,
                ], environment: Command.minimalEnvironment),
            streams: .init(output: words.writeDescriptor, error: words.writeDescriptor),
            passed: [listener])
        words.closeWriteEnd()
        self.words = words
    }

    /// The last message of the server, if it has ended.
    func lastMessage() -> String {
        _ = try? Wait.readable([child.pidfd.raw], timeoutMilliseconds: 1000)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 1)
        defer { buffer.deallocate() }
        guard case .bytes(let count)? = try? words.read(into: buffer) else { return "" }
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).first.map { String($0.prefix(300)) } ?? ""
    }

    deinit {
        child.signalGroup(SIGKILL)
        while (try? child.reap()) == .some(.none) {
            _ = try? Wait.readable([child.pidfd.raw], timeoutMilliseconds: 1000)
        }
    }
}
