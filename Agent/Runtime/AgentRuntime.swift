//! AgentRuntime: the effects of an agent: the daemon on its socket, one supervisor process per
//! attempt, the gate, the probe of the host. All decisions are in AgentCore. The supervisor and the
//! gate are plain blocking programs; the daemon blocks only on threads of its own.

import BuildProtocol
import FoundationEssentials
import Support
import TextKit

/// JSON files that the agent writes and reads back.
enum StateFile {
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        try CanonicalJSON.encode(value) + [0x0A]
    }

    static func read<V: Decodable>(_ type: V.Type, _ path: String, limitBytes: Int) throws -> V {
        let bytes = try Files.read(path, limitBytes: limitBytes)
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
            throw Failure("cannot parse \(path)", cause: error)
        }
    }
}
