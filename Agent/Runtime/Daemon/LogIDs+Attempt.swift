import AgentCore
import BuildProtocol
import Support

extension LogIDs {
    /// Of all lines about an attempt.
    init(_ order: AttemptOrder) {
        self.init(build: order.start.build.id, attempt: order.start.attempt.text)
    }
}
