import CoordinatorCore
import HTTPClientKit
import HTTPTypes
import TextKit

/// Whether a provider of OpenID Connect could sign anybody in, as it describes itself.
public struct OpenIDCheck: Sendable {
    /// Something about the provider that an administrator should know.
    public struct Finding: Sendable, Hashable {
        public var words: String
        /// Whether sign-ins may work nevertheless, or will once the provider is back.
        public var isWarning: Bool
    }

    private let settings: OpenIDSettings

    /// Short, as a person waits.
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 3, stallSeconds: 3, totalSeconds: 5)

    public init(_ settings: OpenIDSettings) { self.settings = settings }

    public func findings() async -> [Finding] {
        let http = settings.client()
        let answer: HTTPAnswer
        switch await Self.ask(http, settings.descriptionURL) {
        case .success(let found): answer = found
        case .failure(let why): return [Finding(words: why.words, isWarning: true)]
        }
        guard answer.status == 200, let found = try? JSON(parsing: answer.body) else {
            return [
                refusal(
                    "the provider does not describe itself at \(settings.descriptionURL) "
                        + "(\(answer.status))")
            ]
        }
        let description: OpenIDDescription
        do throws(IdentityFault) {
            description = try OpenIDDescription(found, issuer: settings.issuer)
        } catch { return [refusal("of the provider: \(error)")] }
        let keys = await keys(http, description.keys)
        return flaws(of: description) + (keys.map { [$0] } ?? [])
    }

    private func flaws(of description: OpenIDDescription) -> [Finding] {
        let problems = description.problems.map { refusal("of the provider: \($0)") }
        switch description.takesPKCE {
        case true?: return problems
        case false?:
            return problems + [
                Finding(
                    words: "the provider says that it does not take PKCE with S256 "
                        + "(code_challenge_methods_supported), without which a stolen code signs a "
                        + "stranger in: allow it there", isWarning: true)
            ]
        case nil:
            return problems + [
                Finding(
                    words: "the provider does not say whether it takes PKCE with S256 "
                        + "(code_challenge_methods_supported)", isWarning: true)
            ]
        }
    }

    private func keys(_ http: HTTPClient, _ address: String) async -> Finding? {
        switch await Self.ask(http, address) {
        case .failure(let why): return Finding(words: why.words, isWarning: true)
        case .success(let answer):
            do throws(IdentityFault) {
                _ = try OpenIDProvider.keys(in: answer)
                return nil
            } catch { return refusal("of the provider at \(address): \(error)") }
        }
    }

    private func refusal(_ words: String) -> Finding { Finding(words: words, isWarning: false) }

    private struct Unreachable: Error {
        var words: String
    }

    /// A provider that has a bad day is as good as unreachable.
    private static func ask(
        _ http: HTTPClient, _ url: String
    ) async -> Result<HTTPAnswer, Unreachable> {
        do throws(HTTPClientError) {
            let answer = try await http.request(
                "GET", url, headers: ["Accept": "application/json"], timeouts: timeouts)
            // Or it keeps this machine waiting, or out.
            guard [200, 404].contains(answer.status) else {
                return .failure(
                    Unreachable(words: "the provider answers \(url) with \(answer.status)"))
            }
            return .success(answer)
        } catch {
            return .failure(
                Unreachable(
                    words: "the provider cannot be reached, and nobody signs in by it now: \(error)"
                ))
        }
    }
}
