import BuildProtocol
import CoordinatorAPI
import CoordinatorAdapters
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import SQLKit
import SSHKit
import Support
import TextKit
import YAMLKit

/// `coordinator.yml`. deploy/coordinator.yml documents all keys and their defaults.
struct Configuration {
    var stateFolder = "/var/lib/aibuild"
    var sharedFolder: String?
    var webRoot = "/var/www/html"
    var api = APISettings()
    var secretKeyFile: String?
    var hooksFolder: String?
    var pluginFolder: String?
    var agentPackageFolder = AgentPackageFolder.defaultPath
    /// Of checksum files, besides all that are not this machine's own.
    var baseImageNetworks: [IPv4Network] = []
    var sshKeyFile: String?
    var sshAgentSocket: String?
    var database: SQLLocation?
    var gitlab: GitLabSettings?
    /// Besides that of `gitlab`.
    var otherHooks: [HookSource] = []
    var notifications = NotificationSettings()
    var requestQueue: AMQPRequestQueue?
    var profiles: HTTPProfiles.Settings?
    var secretSources: [String: any SecretSource] = [:]
    var git = GitSettings()
    /// Whose modes are looked at.
    var secretFiles: [String] = []
    var imageRemover: RemovalProgram?
    var telemetry: OTLPExporter.Settings?
    private(set) var signIn = SignInSettings()
    var retention: RetentionPolicy?
    var retentionGraceSeconds = 86_400
    var limits = ServiceLimits()
    var logFormat = LogFormat.logfmt

    static let defaultPath = "/etc/aibuild/coordinator.yml"

    private enum Engine: String, CaseIterable { case sqlite, mariadb }

    init() {}

    /// - Parameter isPortGiven: by the command line, in place of `api.port`.
    /// - Throws: `YAMLError` with the position of the error.
    init(file: String, isPortGiven: Bool = false) throws {
        let yaml = try YAMLMapping.load(file)
        logFormat = try yaml.take("log_format", .word, default: logFormat)
        stateFolder = try yaml.take("state_folder", .string, default: stateFolder)
        sharedFolder = try yaml.takeIfPresent("shared_folder", .string)
        webRoot = try yaml.take("web_root", .string, default: webRoot)
        secretKeyFile = try yaml.takeIfPresent("secret_key_file", .string)
        hooksFolder = try yaml.takeIfPresent("hooks_folder", .string)
        pluginFolder = try yaml.takeIfPresent("packer_plugins", .string)
        agentPackageFolder = try yaml.take(
            "agent_packages", .string, default: agentPackageFolder)
        baseImageNetworks = try yaml.take(
            "base_image_networks", .list(of: Self.network), default: []
        ).compactMap { IPv4Network($0) }
        if let given = try yaml.takeIfPresent("api", .mapping) {
            api = try APISettings(given, isPortGiven: isPortGiven)
        }
        secretFiles += api.secretFiles
        if let ssh = try yaml.takeIfPresent("ssh", .mapping) {
            sshKeyFile = try ssh.takeIfPresent("key_file", .string)
            sshAgentSocket = try ssh.takeIfPresent("agent_socket", .string)
        }
        if let given = try yaml.takeIfPresent("database", .mapping) {
            database = try Self.database(given)
        }
        if let given = try yaml.takeIfPresent("git", .mapping) { git = try GitSettings(given) }
        if let given = try yaml.takeIfPresent("gitlab", .mapping) {
            var settings = try Self.gitlab(given, ownURL: api.url)
            settings.authorities = git.access.authorities
            git.access.gitLab = (GitAddress(settings.url), settings.token)
            gitlab = settings
            secretFiles += try Self.files(given, "token_file", "hook_secret_file")
        }
        if let given = try yaml.takeIfPresent("hooks", .map(of: .mapping)) {
            otherHooks = try given.sorted { $0.key < $1.key }.map {
                try Self.hook($0.key, $0.value, yaml)
            }
            secretFiles += try given.values.flatMap {
                try Self.files($0, "secret_file", "token_file")
            }
        }
        let rabbitMQ = try yaml.takeIfPresent("rabbitmq", .mapping).map { try RabbitMQSettings($0) }
        requestQueue = rabbitMQ?.queue
        profiles = try yaml.takeIfPresent("profiles", .mapping).map(ProfileSettings.settings)
        secretSources = try Self.secrets(yaml)
        notifications = try NotificationSettings(yaml, rabbitMQ?.endpoint)
        imageRemover = try RemoteImageSettings.remover(of: yaml)
        telemetry = try yaml.takeIfPresent("telemetry", .mapping).map(TelemetrySettings.settings)
        if let given = try yaml.takeIfPresent("sign_in", .mapping) {
            signIn = try SignInSettings(given, url: api.url)
            secretFiles += signIn.secretFiles
        }
        if let given = try yaml.takeIfPresent("retention", .mapping) {
            retentionGraceSeconds = try given.take(
                "grace", .durationSeconds, default: retentionGraceSeconds)
            retention = try RetentionSettings.policy(given)
        }
        if let given = try yaml.takeIfPresent("limits", .mapping) {
            let seconds = try given.take(
                "host_lost", .durationSeconds, default: Int(limits.hostLostMilliseconds / 1000))
            limits.hostLostMilliseconds = Int64(seconds) * 1000
            limits.queuedBuilds = try given.take(
                "queued_builds", .int(1...1_000_000), default: limits.queuedBuilds)
        }
        try yaml.finish()
    }

    private static var network: YAMLType<String> {
        .string.checked { text in
            IPv4Network(text) == nil
                ? "expected an IPv4 network such as 10.20.0.0/16, or an address" : nil
        }
    }

    private static func database(_ yaml: YAMLMapping) throws -> SQLLocation {
        switch try yaml.take("engine", YAMLType<Engine>.word) {
        case .sqlite:
            return .sqlite(path: try yaml.take("path", .string))
        case .mariadb:
            let passwordFile = try yaml.take("password_file", .string)
            let password = String(
                decoding: try Files.read(passwordFile, limitBytes: 4096), as: UTF8.self)
            var server = MariaDBEndpoint(
                host: try yaml.take("host", .string, default: "127.0.0.1"),
                port: try yaml.take("port", .int(1...65535), default: 3306),
                socket: try yaml.takeIfPresent("socket", .string),
                user: try yaml.take("user", .string, default: "aibuild"),
                password: password.lines.first.map(String.init) ?? "",
                database: try yaml.take("database", .string, default: "aibuild"))
            let others = try yaml.takeIfPresent("other_nodes", .list(of: .mapping)) ?? []
            for node in others {
                server.alternatives.append(
                    (
                        host: try node.take("host", .string),
                        port: try node.take("port", .int(1...65535), default: 3306)
                    ))
            }
            if let tls = try yaml.takeIfPresent("tls", .mapping) {
                guard server.socket == nil else {
                    throw yaml.error("tls", "is for host and port, not for socket")
                }
                server.tls = try Self.databaseTLS(tls)
            }
            return .mariadb(server)
        }
    }

    private static func databaseTLS(_ yaml: YAMLMapping) throws -> MariaDBEndpoint.TLS {
        let tls = MariaDBEndpoint.TLS(
            authorities: try yaml.take("ca_file", .existingFile),
            certificate: try yaml.takeIfPresent("certificate_file", .existingFile),
            key: try yaml.takeIfPresent("key_file", .existingFile))
        guard (tls.certificate == nil) == (tls.key == nil) else {
            throw yaml.error("certificate_file", "a certificate needs key_file, and a key this")
        }
        return tls
    }

    static var webURL: YAMLType<String> {
        .string.checked { text in
            text.hasPrefix("https://") || text.hasPrefix("http://")
                ? nil : "expected an address that begins with https:// or http://"
        }
    }

    private static func files(_ yaml: YAMLMapping, _ keys: String...) throws -> [String] {
        try keys.compactMap { try yaml.takeIfPresent($0, .string) }
    }

    private static func gitlab(_ yaml: YAMLMapping, ownURL: String) throws -> GitLabSettings {
        let group = YAMLType<String>.string.checked { text in
            let steps = text.split(separator: "/", omittingEmptySubsequences: false)
            return steps.contains(where: \.isEmpty)
                ? "expected a group such as aibuild or cloud/aibuild" : nil
        }
        return GitLabSettings(
            url: try yaml.take("url", webURL),
            token: try secret(yaml, "token_file"),
            group: try yaml.take("group", group, default: "aibuild"),
            hookURL: try yaml.take("hook_url", webURL, default: ownURL + "/api/v1/hooks/gitlab"),
            hookSecret: try secret(yaml, "hook_secret_file"),
            sendsStatus: try yaml.take("commit_status", .bool, default: true))
    }

    private static func hook(
        _ name: String, _ yaml: YAMLMapping, _ root: YAMLMapping
    ) throws -> HookSource {
        guard ![HookSource.gitLab, BuildRequests.hook, Profiles.hook].contains(name) else {
            throw root.error("hooks", "the hook \(name) is that of \(name): choose another name")
        }
        if let problem = Names.problem(name, what: "name of the hook") {
            throw root.error("hooks", problem)
        }
        let kind = try yaml.take("type", YAMLType<ReportKind>.word)
        let source = HookSource(
            name: name, kind: kind,
            url: kind == .signed
                ? try yaml.takeIfPresent("url", webURL) : try yaml.take("url", webURL),
            secret: Secret(try secret(yaml, "secret_file")),
            token: kind == .signed || !yaml.keys.contains("token_file")
                ? nil : Secret(try secret(yaml, "token_file")))
        try yaml.finish()
        return source
    }

    /// Those of all Git servers whose reports are taken.
    var hooks: [HookSource] {
        (gitlab.map {
            [
                HookSource(
                    name: HookSource.gitLab, kind: .gitlab, url: $0.url,
                    secret: Secret($0.hookSecret),
                    token: $0.sendsStatus ? Secret($0.token) : nil)
            ]
        } ?? []) + otherHooks
    }

    /// A single long word in a file that only this user can read.
    static func secret(_ yaml: YAMLMapping, _ key: String) throws -> String {
        let secret = try text(yaml, key).filter { !$0.isWhitespace }
        guard secret.utf8.count >= 16 else {
            throw yaml.error(key, "the secret in the file is shorter than 16 characters")
        }
        return secret
    }

    /// What the file of a key has.
    static func text(_ yaml: YAMLMapping, _ key: String) throws -> String {
        let file = try yaml.take(key, .string)
        do {
            return String(decoding: try Files.read(file, limitBytes: 4096), as: UTF8.self)
        } catch { throw yaml.error(key, "\(error)") }
    }

    /// The folder of the data that several coordinators of one database share.
    var sharedState: String { sharedFolder ?? stateFolder }

    var location: SQLLocation { database ?? .sqlite(path: stateFolder + "/aibuild.sqlite") }

    func sealingKeys() throws -> SealingKeys {
        try SealingKeys(file: sealingKeyFile)
    }

    /// The file with the API's token. Coordinators that share a folder find the same token there.
    var apiTokenFile: String { api.tokenFile ?? sharedState + "/api.token" }

    /// Without `api.token_file`, the token is created at the first start.
    func access(_ directory: AccessDirectory) throws -> AccessControl {
        let file = apiTokenFile
        if api.tokenFile == nil { try KeyFile.createIfMissing(file) }
        let bytes = try Files.read(file, limitBytes: 4096)
        let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        guard token.utf8.count >= 16 else {
            throw Failure("the token in \(file) is shorter than 16 characters")
        }
        return AccessControl(
            directory: directory, token: token, tokenFile: file,
            names: TrustedNames(
                url: api.url, otherURLs: [api.baseURL, gitlab?.hookURL].compactMap(\.self),
                hosts: api.allowedHosts),
            settings: api.access)
    }

    func identity() throws -> SSHIdentity {
        if let sshKeyFile { return .keyFile(path: sshKeyFile, passphrase: nil) }
        if let sshAgentSocket { return .agent(socketPath: sshAgentSocket) }
        return .keyFile(path: defaultSSHKeyFile, passphrase: nil)
    }
}
