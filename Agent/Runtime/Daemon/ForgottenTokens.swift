import AgentCore
import BuildProtocol

/// Tokens of recently forgotten attempts, up to a limit.
struct ForgottenTokens {
    private var order: [AttemptToken] = []
    private var tokens: Set<AttemptToken> = []

    mutating func insert(_ token: AttemptToken) {
        guard tokens.insert(token).inserted else { return }
        order.append(token)
        if order.count > AgentLimits.forgottenTokens { tokens.remove(order.removeFirst()) }
    }

    func contains(_ token: AttemptToken) -> Bool { tokens.contains(token) }
}
