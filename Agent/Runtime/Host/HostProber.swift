import AgentCore
import BuildProtocol
import Support

struct HostProber: Sendable {
    let configuration: AgentConfiguration

    func probe() -> HostProbe { HostProbe(accelerators: [.tcg]) }
}
