import Glibc
import HTTPClientKit
import HTTPTypes
import Support
import Synchronization

/// The API token: from `AIBUILD_TOKEN`, or on the coordinator's own machine from the file that the
/// coordinator names, if this user may read it.
final class TokenSource: Sendable {
    private struct State {
        var token: String?
        var hasAsked = false
    }

    private let state: Mutex<State>
    private static let fileHeader = "Aibuild-Token-File"
    /// A token is a word; more is another file.
    private static let fileBytes = 4096

    init(_ token: String?) {
        let given = token.flatMap { $0.isEmpty ? nil : $0 }
        state = Mutex(State(token: given, hasAsked: given != nil))
    }

    func sign(_ headers: inout HTTPHeaders) {
        guard let token = state.withLock(\.token) else { return }
        headers.set("Authorization", "Bearer \(token)")
    }

    /// After a coordinator refused a request without a token.
    /// - Returns: whether there is a token now; looked for once.
    func find(_ url: String, _ http: HTTPClient) async -> Bool {
        let isFirst = state.withLock { state in
            defer { state.hasAsked = true }
            return !state.hasAsked
        }
        guard isFirst, let authority = Authority(url: url), authority.isLoopback,
            let answer = try? await http.request("GET", url + "/api/v1/version"),
            answer.status == 401, let file = answer.headers[Self.fileHeader],
            let token = Self.read(
                file,
                port: authority.port.flatMap { UInt16($0) }
                    ?? (url.utf8.starts(with: "https:".utf8) ? 443 : 80))
        else { return false }
        state.withLock { $0.token = token }
        return true
    }

    /// Only a private file of the user whose program listens on the port: another user's program
    /// there must not get to know this user's files.
    private static func read(_ path: String, port: UInt16) -> String? {
        let owners = Set(ListeningSocket.all(onPort: port).map(\.user))
        guard owners.count == 1, let owner = owners.first, path.utf8.first == UInt8(ascii: "/"),
            let file = try? Descriptor(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        else { return nil }
        var info = stat()
        guard fstat(file.raw, &info) == 0, info.st_mode & S_IFMT == S_IFREG,
            info.st_uid == owner, info.st_mode & 0o077 == 0, info.st_size <= fileBytes
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: fileBytes)
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) })
        else { return nil }
        let word = bytes[..<count].filter { $0 > 0x20 }
        guard word.count >= 16, word.allSatisfy({ $0 < 0x7F }) else { return nil }
        return String(decoding: word, as: UTF8.self)
    }
}
