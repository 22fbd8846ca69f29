import Dispatch
import Glibc
import Support
import Synchronization
import TestSupport

/// A proxy in front of a MariaDB server that forwards a COMMIT and then drops the connection
/// instead of the response, like a network failure at the worst moment.
final class CommitCutter: Sendable {
    let socketPath: String
    /// The number of COMMITs that are still to be cut.
    let cuts = Atomic<Int>(0)
    /// Statements that are still forwarded; after the last one, every connection is cut
    /// permanently, as if the program were killed. The server executes the last one nevertheless.
    let statementsLeft = Atomic<Int>(.max)
    /// Whether to wait for the last statement's effect before the cut.
    let waitsForEffect = Atomic<Bool>(true)
    private let holdsCommits = Atomic<Bool>(false)
    private let released = DispatchSemaphore(value: 0)
    /// The number of COMMITs that were held.
    let held = Atomic<Int>(0)
    private let folder: TemporaryFolder
    private let listener: Int32
    private let port: Int

    init(port: Int) throws {
        folder = try TemporaryFolder()
        socketPath = folder.path + "/proxy"
        self.port = port
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(socketPath.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0, listen(listener, 16) == 0 else { throw SystemError.last("cannot listen") }
        DispatchQueue(label: "proxy").async { self.accept() }
    }

    /// Stops the proxy; its threads end with their connections.
    func close() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard statementsLeft.load(ordering: .sequentiallyConsistent) > 0 else {
                Glibc.close(client)
                continue
            }
            let link = Link(client: client, server: connectToServer())
            DispatchQueue(label: "in").async { self.forwardRequests(link) }
            DispatchQueue(label: "out").async { self.forwardAnswers(link) }
        }
        Glibc.close(listener)
    }

    /// Both ends are closed when neither direction uses them any more.
    private final class Link: Sendable {
        let client: Int32
        let server: Int32
        let isCut = Atomic<Bool>(false)

        init(client: Int32, server: Int32) {
            self.client = client
            self.server = server
        }

        deinit {
            Glibc.close(client)
            Glibc.close(server)
        }

        func end() {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }
    }

    private func forwardRequests(_ link: Link) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(link.client, &buffer, buffer.count)
            guard count > 0 else { break }
            if isCommit(buffer[..<count]) { hold() }
            if isCommit(buffer[..<count]) && takeCut() {
                link.isCut.store(true, ordering: .sequentiallyConsistent)
            }
            let isLast = isStatement(buffer[..<count]) && takeStatement()
            if isLast { link.isCut.store(true, ordering: .sequentiallyConsistent) }
            guard send(link.server, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
            if isLast, !waitsForEffect.load(ordering: .sequentiallyConsistent) { break }
        }
        link.end()
    }

    private func forwardAnswers(_ link: Link) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(link.server, &buffer, buffer.count)
            guard count > 0, !link.isCut.load(ordering: .sequentiallyConsistent) else { break }
            guard send(link.client, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        link.end()
    }

    /// COMMITs wait until `releaseCommits`, as if the program were suspended before each.
    func holdCommits() { holdsCommits.store(true, ordering: .sequentiallyConsistent) }

    /// Not to be followed by another `holdCommits`.
    func releaseCommits() {
        holdsCommits.store(false, ordering: .sequentiallyConsistent)
        released.signal()
    }

    private func hold() {
        guard holdsCommits.load(ordering: .sequentiallyConsistent) else { return }
        held.add(1, ordering: .sequentiallyConsistent)
        // Each one lets the next pass.
        released.wait()
        released.signal()
    }

    /// A command packet: three bytes of length, a number, 3 for a query, its text.
    private func isCommit(_ bytes: ArraySlice<UInt8>) -> Bool {
        Array(bytes.dropFirst(4)) == [3] + Array("COMMIT".utf8)
    }

    /// 3 is a query, 23 the execution of a prepared statement. (A preparation changes nothing.)
    private func isStatement(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.dropFirst(4).first.map { [3, 23].contains($0) } ?? false
    }

    /// - Returns: whether it was the last one.
    private func takeStatement() -> Bool {
        guard statementsLeft.load(ordering: .sequentiallyConsistent) != .max else { return false }
        let left = statementsLeft.subtract(1, ordering: .sequentiallyConsistent).newValue
        return left <= 0
    }

    private func takeCut() -> Bool {
        guard cuts.load(ordering: .sequentiallyConsistent) > 0 else { return false }
        cuts.subtract(1, ordering: .sequentiallyConsistent)
        return true
    }

    private func connectToServer() -> Int32 {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return server
    }
}
