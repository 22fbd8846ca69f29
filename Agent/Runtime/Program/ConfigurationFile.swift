import AgentCore
import BuildProtocol
import Glibc
import Support
import TextKit
import YAMLKit

/// Reads `agent.yml`. An unknown key or wrong type is an error with file, line and key.
enum ConfigurationFile {
    static func load(_ path: String) throws(YAMLError) -> AgentConfiguration {
        var configuration = try read(YAMLMapping.load(path))
        let folder = Files.folder(of: Links.resolved(path) ?? path)
        // It may hold more than this file, such as the settings of a coordinator.
        if folder.hasPrefix("/etc/") { configuration.hidden = [folder] }
        return configuration
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
        configuration.packerPlugins = try file.takeIfPresent("packer_plugins", absolutePath)
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
        try readIsolation(file, &configuration)
        try readProxy(file, &configuration)
        configuration.secrets = try secrets(file)
        let format = try file.take("log_format", YAMLType<LogFormat>.word, default: .logfmt)
        configuration.logsJSON = format == .json
        try file.finish()
        return configuration
    }

    private static func readIsolation(
        _ file: YAMLMapping, _ configuration: inout AgentConfiguration
    ) throws(YAMLError) {
        configuration.isolation = try file.take(
            "isolation", .word, default: configuration.isolation)
        configuration.network = try file.take("network", .word, default: configuration.network)
        configuration.readOnly = try file.take("read_only", .list(of: absolutePath), default: [])
        configuration.readWrite = try file.take(
            "read_write", .list(of: absolutePath), default: [])
        configuration.baseImageNetworks = try file.take(
            "base_image_networks", .list(of: anyNetwork), default: []
        ).compactMap { IPv4Network($0) }
        let networks = try file.takeIfPresent("networks", .list(of: network))
        configuration.networks = (networks ?? []).compactMap { IPv4Network($0) }
        switch (configuration.network, networks) {
        case (.listed, nil):
            throw file.error("network", "lists no networks: add them under `networks`")
        case (.all, _?), (.none, _?):
            throw file.error("networks", "is only used with `network: listed`")
        default: break
        }
    }

    private static func readProxy(
        _ file: YAMLMapping, _ configuration: inout AgentConfiguration
    ) throws(YAMLError) {
        if let given = try file.takeIfPresent("proxy", .mapping) {
            let url = YAMLType<String>.string.checked { ProxySettings.problem($0) }
            let http = try given.takeIfPresent("http", url)
            let entry = YAMLType<String>.string.checked { text in
                text.isEmpty || text.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: ",") }
                    ? "expected a name, a domain such as .example.org, or a network" : nil
            }
            configuration.proxy = ProxySettings(
                http: http, https: try given.takeIfPresent("https", url) ?? http,
                direct: try given.take("no_proxy", .list(of: entry), default: []))
        } else {
            var own: [String: String] = [:]
            for name in ProxySettings.variables {
                own[name] = getenv(name).map { String(cString: $0) }
            }
            configuration.proxy = ProxySettings(environment: own)
        }
        configuration.proxy.caFile = try file.takeIfPresent(
            "ca_file",
            absolutePath.checked { path in
                Files.kind(path) == nil ? "there is no file \(Names.quoted(path))" : nil
            })
    }

    private static func secrets(
        _ file: YAMLMapping
    ) throws(YAMLError) -> [String: HostSecret] {
        var secrets: [String: HostSecret] = [:]
        for (name, entry) in try file.take("secrets", .map(of: .mapping), default: [:]) {
            if let problem = Names.problem(name, what: "name of the secret") {
                throw file.error("secrets", problem)
            }
            let patterns = try entry.take("guest_oses", .list(of: .string))
            secrets[name] = HostSecret(
                file: try entry.take("file", absolutePath), guestOSes: patterns)
        }
        return secrets
    }

    private static var anyNetwork: YAMLType<String> {
        .string.checked { text in
            IPv4Network(text) == nil
                ? "expected an IPv4 network such as 10.20.0.0/16, or an address" : nil
        }
    }

    private static var network: YAMLType<String> {
        anyNetwork.checked { text in
            Isolation.reserved.contains { IPv4Network(text)?.overlaps($0) == true }
                ? "loopback and link-local addresses are closed to builds" : nil
        }
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
