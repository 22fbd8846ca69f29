@testable import AgentRuntime
import AgentCore
import BuildProtocol
import Support
import TestSupport
import Testing

/// Every later agent must read the files that agent 0.1.0 left of its attempts, because an upgrade
/// happens during builds. A new field must be optional, and no field may be removed.
@Suite struct OlderFilesTests {
    private func read<V: Decodable>(_ type: V.Type, _ text: String) throws -> V {
        let folder = try TemporaryFolder()
        let path = folder.path + "/file.json"
        try Files.replace(path, with: Array(text.utf8))
        return try StateFile.read(type, path, limitBytes: 1 << 20)
    }

    @Test("An attempt order written by agent 0.1.0 is read")
    func oldOrderDecodes() throws {
        let order = try read(AttemptOrder.self, Self.order)
        #expect(order.start.attempt.text == "fedcba9876543210fedcba9876543210")
        #expect(order.start.build.number == 1 && order.start.limits.totalSeconds == 600)
        #expect(order.accelerator == .tcg)
    }

    @Test("A result written by agent 0.1.0 is read")
    func oldResultDecodes() throws {
        let result = try read(Finished.self, Self.result)
        #expect(result.outcome.fault?.code.rawValue == "packer.failed")
        #expect(result.outcome.exitCode == 1)
        #expect(result.artifacts.first?.chunkSHA256.count == 1)
    }

    @Test("A phase and a cancel request written by agent 0.1.0 are read")
    func oldPhaseAndCancelDecode() throws {
        let token = "fedcba9876543210fedcba9876543210"
        let phase = try read(
            Phase.self, #"{"attempt":"\#(token)","detail":"x","later":[1],"state":"building"}"#)
        #expect(phase.state == .building)
        let cancel = try read(
            Cancel.self, #"{"attempt":"\#(token)","later":1,"reason":"not wanted"}"#)
        #expect(cancel.reason == "not wanted")
    }

    private static let order = """
        {"accelerator":"tcg","fetchProgram":"/usr/bin/aibuild-fetch","later":{"a":1},
        "packer":"packer","searchPath":"/usr/bin:/bin","start":{
        "attempt":"fedcba9876543210fedcba9876543210",
        "build":{"guestOS":"win2022","id":"0b7b","imageName":"win2022x86_64_20251121_1",
        "later":1,"number":1},
        "limits":{"logBytes":1048576,"silenceSeconds":60,"totalSeconds":600},
        "recipe":{"builder":{"command":["./build.sh"],"kind":"command"},"variables":{}},
        "requirements":{"diskBytes":1048576,"memoryBytes":1048576,"tags":[],"vcpus":1},
        "template":{"sha256":
        "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752","sizeBytes":20480}},
        "stateFolder":"/var/lib/aibuild-agent"}
        """

    private static let result = """
        {"accelerator":"tcg","artifacts":[{"chunkSHA256":[
        "bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8"],"format":"qcow2",
        "later":1,"name":"debian12.qcow2","sha256":
        "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","sizeBytes":5242880,
        "virtualSizeBytes":10737418240}],"attempt":"fedcba9876543210fedcba9876543210",
        "endedUnixMilliseconds":1763718012000,"later":true,"logBytes":4096,"logSHA256":
        "a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e",
        "outcome":{"exitCode":1,"fault":{"class":"template","code":"packer.failed",
        "reason":"words"}},"startedUnixMilliseconds":1763718000000}
        """
}
