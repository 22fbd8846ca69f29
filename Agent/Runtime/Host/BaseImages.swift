import AgentCore
import BuildProtocol
import Support

/// Cached base images on this host, by digest.
enum BaseImages {
    static func digests(_ state: StateFolder) -> [String] {
        ((try? Files.list(state.baseImages)) ?? []).filter { Names.isSHA256($0) }
    }
}
