import AgentCore
import BuildProtocol
import YAMLKit

/// Reads `agent.yml`. An unknown key or wrong type is an error with file, line and key.
enum ConfigurationFile {
    static func load(_ path: String) throws(YAMLError) -> AgentConfiguration {
        try read(YAMLMapping.load(path))
    }

    static func read(_ file: YAMLMapping) throws(YAMLError) -> AgentConfiguration {
        var configuration = AgentConfiguration()
        configuration.stateFolder = try file.take(
            "state_folder", absolutePath, default: configuration.stateFolder)
        configuration.socket = try file.takeIfPresent("socket", absolutePath)
        configuration.slots = try file.takeIfPresent(
            "slots", .int(1...ProtocolLimits.attemptsPerHost))
        configuration.tags = Set(try file.take("tags", .list(of: tag), default: []))
        configuration.packer = try file.take("packer", program, default: configuration.packer)
        configuration.qemuSystem = try file.take(
            "qemu_system", program, default: configuration.qemuSystem)
        configuration.qemuImg = try file.take("qemu_img", program, default: configuration.qemuImg)
        configuration.ovmfFolder = try file.take(
            "ovmf_folder", absolutePath, default: configuration.ovmfFolder)
        configuration.vcpus = try file.takeIfPresent("vcpus", .int(1...65536))
        configuration.memoryBytes = try file.takeIfPresent("memory_bytes", .sizeBytes)
        configuration.cacheBytes = try file.take(
            "cache_bytes", .sizeBytes, default: configuration.cacheBytes)
        configuration.accelerator = try file.take(
            "accelerator", .word, default: configuration.accelerator)
        try file.finish()
        return configuration
    }

    private static var tag: YAMLType<String> {
        .string.checked { Names.problem($0, what: "tag") }
    }

    private static var absolutePath: YAMLType<String> {
        .string.checked { path in
            path.hasPrefix("/") && !path.hasSuffix("/") && !path.utf8.contains(0)
                ? nil : "expected an absolute path without a trailing slash"
        }
    }

    private static var program: YAMLType<String> {
        .string.checked { name in
            name.hasPrefix("/") || (!name.isEmpty && !name.contains("/"))
                ? nil : "expected an absolute path or a plain program name"
        }
    }
}
