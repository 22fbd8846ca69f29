import CoordinatorCore
import Glibc
import HTTPServerKit
import ProcessKit
import Support
import Synchronization
import TextKit

/// The certificate of the API: read again when its files change and at SIGHUP. Files that cannot be
/// used leave the certificate before them in place.
final class CertificateKeeper: Sendable {
    private struct State {
        var identity: TLSIdentity
        /// Why the files cannot be used now.
        var failure: HTTPServerError?
        /// What the log says already.
        var said: Set<SetupProblem> = []
    }

    private let files: TLSIdentityFiles
    /// As clients reach the coordinator; `nil` if nobody says.
    private let host: String?
    private let state: Mutex<State>

    /// Whole files are compared, as a link on the way to them may change and nothing else. They
    /// are small.
    private static let lookSeconds = 5
    /// Time enough to order one. What renews by itself did so weeks before.
    private static let warningDays: Int64 = 14

    init(_ files: TLSIdentityFiles, host: String?) throws(HTTPServerError) {
        self.files = files
        self.host = host
        state = Mutex(State(identity: try files.read()))
    }

    var identity: TLSIdentity { state.withLock(\.identity) }

    /// From now on the servers show what the files have.
    func watch(_ servers: [HTTPServer]) throws(SystemError) {
        try OwnThread.start { [self] in
            while true {
                say()
                Signals.waitBlocking(SIGHUP, seconds: Self.lookSeconds)
                look(servers)
            }
        }
    }

    private func look(_ servers: [HTTPServer]) {
        let found = Result { () throws(HTTPServerError) in try files.read() }
        state.withLock { state in
            switch found {
            case .success(let identity):
                state.failure = nil
                guard identity != state.identity else { return }
                state.identity = identity
                for server in servers { server.use(identity) }
                Logger("coordinator").info(
                    "uses the renewed certificate \(files.certificate), which expires on "
                        + Self.day(identity))
            case .failure(let error): state.failure = error
            }
        }
    }

    /// Logs each problem once.
    private func say() {
        let problems = Set(problems())
        let new = state.withLock { state in
            defer { state.said = problems }
            return problems.subtracting(state.said)
        }
        for found in new { Logger("coordinator").warning("\(found.problem). \(found.remedy)") }
    }

    func problems() -> [SetupProblem] {
        let (identity, failure) = state.withLock { ($0.identity, $0.failure) }
        return [
            failure.map {
                SetupProblem(
                    "The API goes on with its certificate of before: \($0)",
                    remedy: "Correct the files of api.tls in coordinator.yml: they are read again "
                        + "within \(Self.lookSeconds) s")
            }, age(of: identity), host.flatMap { stranger($0, identity) },
        ].compactMap(\.self)
    }

    private func stranger(_ host: String, _ identity: TLSIdentity) -> SetupProblem? {
        guard !identity.names(host) else { return nil }
        return SetupProblem(
            "The certificate \(files.certificate) is not for \(host), the host of api.url, so that "
                + "clients refuse this coordinator",
            remedy: "Use a certificate for \(host), or a name that it has as api.url")
    }

    private func age(of identity: TLSIdentity) -> SetupProblem? {
        let left = identity.expiresUnixSeconds - Clocks.unixMilliseconds() / 1000
        let remedy = "Renew it: the new one is used within \(Self.lookSeconds) s, without a restart"
        if left <= 0 {
            return SetupProblem(
                "The certificate \(files.certificate) expired on \(Self.day(identity)), so that "
                    + "clients refuse this coordinator", remedy: remedy)
        }
        guard left < Self.warningDays * 86_400 else { return nil }
        return SetupProblem(
            "The certificate \(files.certificate) expires on \(Self.day(identity))",
            remedy: remedy, isGuess: true)
    }

    private static func day(_ identity: TLSIdentity) -> String {
        UTCTime(unixMilliseconds: identity.expiresUnixSeconds * 1000).date.iso
    }
}
