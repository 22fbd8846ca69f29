public import CoordinatorCore
import Support
import TextKit

/// Signs people in by another system to which their browsers go and from which they come back.
///
/// Nothing is kept meanwhile: everything that the answer must match is derived from a secret that
/// the browser holds in a cookie. So strangers who begin and never come back cost nothing, and a
/// coordinator that takes over finishes what another one began. What the browser brings back is
/// good once, since the other system gives nothing for the same code again.
public struct BrowserSignIns: Sendable {
    private let signIns: SignIns

    init(_ signIns: SignIns) { self.signIns = signIns }

    private var ports: Ports { signIns.ports }

    private func provider() throws -> any BrowserIdentityProvider {
        guard let provider = ports.browserIdentities else {
            throw Refusal(
                .conflict, "nobody is signed in elsewhere: see sign_in in coordinator.yml")
        }
        return provider
    }

    /// - Parameter to: where the person wanted to go, on this coordinator.
    /// - Returns: where the browser goes, and what its cookie keeps until it comes back.
    /// - Throws: `IdentityFault`
    public func begin(to: String) async throws -> (address: String, cookie: String) {
        let time = ports.clock.unixMilliseconds()
        let cookie = "\(time).\(ports.randomSecret()).\(PercentCoding.encode(to))"
        return (try await provider().address(for: Self.visit(cookie)), cookie)
    }

    /// - Parameters:
    ///   - cookie: as `begin` made it.
    ///   - state: as it came back.
    ///   - code: likewise; `nil` if the other system gave none.
    ///   - words: why it gave none, in its own words.
    ///   - issuer: who it says it is (RFC 9207); `nil` if it does not say.
    /// - Returns: who it is, and where the person wanted to go.
    /// - Throws: `SignInFault`, `IdentityFault`, `Refusal`, `StoreError`
    public func finish(
        cookie: String?, state: String, code: String?, words: String?, issuer: String?,
        address: String
    ) async throws -> (user: Principal, to: String) {
        let provider = try provider()
        try signIns.checkPause(nil, address)
        guard let cookie, let to = to(of: cookie) else { throw SignInFault.lostVisit }
        let visit = Self.visit(cookie)
        guard HMAC.isEqual(Array(state.utf8), Array(visit.state.utf8)) else {
            throw SignInFault.lostVisit
        }
        do {
            // First: the words may be a stranger's as well.
            try await provider.check(issuer: issuer)
            guard let code else {
                throw IdentityFault(
                    .refused, "it says: \((words ?? "nothing").visible.prefix(200))")
            }
            let identity = try await provider.identity(code: code, of: visit)
            return (try await signIns.admit(identity, provider.source), to)
        } catch {
            Logger("access").warning(
                "a sign-in by \(provider.source.rawValue) from \(address) failed: "
                    + BrowserSignIns.words(error))
            // Who presses "cancel" there guesses nothing.
            guard code != nil, let fault = error as? IdentityFault, fault.code == .refused else {
                throw error
            }
            _ = signIns.throttle.failed(
                address: address, name: nil,
                nowMilliseconds: ports.clock.monotonicMilliseconds())
            throw fault
        }
    }

    /// For an administrator, who is shown what the person read.
    private static func words(_ error: any Error) -> String {
        switch error as? SignInFault {
        case .noRole(let has, _): "the groups \(has.prefix(20)) give no role".visible
        case .takenName(let name): "the name '\(name)' belongs to another user here".visible
        case .disabled: "the account is disabled"
        case let fault: "\(fault.map { "\($0)" } ?? "\(error)")".visible
        }
    }

    /// `nil`: the visit is too old, or this is no cookie of ours.
    private func to(of cookie: String) -> String? {
        let parts = cookie.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let began = Int64(parts[0]),
            // By subtraction, a time of a stranger would overflow.
            began <= ports.clock.unixMilliseconds(),
            began > ports.clock.unixMilliseconds() - AccessTimes.visitMilliseconds
        else { return nil }
        return PercentCoding.decode(parts[2])
    }

    private static func visit(_ cookie: String) -> BrowserVisit {
        func derived(_ what: String) -> String { SHA256.hex("\(what) \(cookie)".utf8) }
        let verifier = derived("verifier")
        return BrowserVisit(
            state: derived("state"), nonce: derived("nonce"), verifier: verifier,
            challenge: PKCE.challenge(of: verifier))
    }
}
