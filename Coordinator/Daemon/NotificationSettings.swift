import AMQPKit
import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import HTTPTypes
import MailKit
import Support
import TextKit
import YAMLKit

/// `notifications:` of coordinator.yml: each entry is a place, and what it is told.
struct NotificationSettings {
    var rules: [NotificationRule] = []
    var addresses: [String: NotificationAddress] = [:]

    private enum Kind: String, CaseIterable {
        case slack, mattermost, teams, dingtalk, wecom, webhook, mail, rabbitmq
    }

    /// Each is asked for separately, every few seconds.
    private static let places = 50
    /// Recipients of one mail; more belong into a mailing list.
    private static let recipients = 50
    private static let patterns = 100
    private static let templateBytes = 1024
    /// WeCom cuts at 2,048 bytes.
    private static let weComBytes = 2000

    init() {}

    /// - Parameter rabbitMQ: of `rabbitmq`, if that is set.
    init(_ yaml: YAMLMapping, _ rabbitMQ: AMQPEndpoint?) throws {
        let given = try yaml.takeIfPresent("notifications", .map(of: .mapping)) ?? [:]
        guard given.count <= Self.places else {
            throw yaml.error("notifications", "expected at most \(Self.places) places")
        }
        for (name, entry) in given.sorted(by: { $0.key < $1.key }) {
            if let problem = Names.problem(name, what: "name of a place") {
                throw yaml.error("notifications", problem)
            }
            let kind = try entry.take("type", YAMLType<Kind>.word)
            rules.append(try Self.rule(name, kind, entry))
            addresses[name] = NotificationAddress(
                try Self.way(kind, entry, rabbitMQ),
                authorities: try entry.takeIfPresent("ca_file", Self.file))
            try entry.finish()
        }
    }

    // MARK: What it is told

    private static func rule(
        _ name: String, _ kind: Kind, _ yaml: YAMLMapping
    ) throws -> NotificationRule {
        var rule = NotificationRule(name: name, type: kind.rawValue)
        switch kind {
        case .slack: rule.markup = .slack
        case .mattermost: rule.markup = .markdown
        case .teams, .dingtalk: rule.markup = .chat
        case .wecom: (rule.markup, rule.textBytes) = (.chat, weComBytes)
        case .webhook, .mail, .rabbitmq: rule.markup = .plain
        }
        if let kinds = try yaml.takeIfPresent("on", .list(of: YAMLType<Notification.Kind>.word)) {
            guard !kinds.isEmpty else {
                throw yaml.error("on", "is empty: nothing would ever be sent")
            }
            rule.kinds = Set(kinds)
        }
        rule.guestOSes = try yaml.take("guest_oses", names, default: rule.guestOSes)
        rule.environments = try yaml.take("environments", names, default: rule.environments)
        rule.template = try yaml.takeIfPresent("text", text).map { MessageTemplate($0) }
        return rule
    }

    private static var names: YAMLType<[String]> {
        YAMLType<[String]>.list(of: .string).checked { names in
            (1...patterns).contains(names.count)
                ? nil : "expected 1 to \(patterns) names, in which * is any text"
        }
    }

    private static var text: YAMLType<String> {
        .string.checked {
            guard $0.utf8.count <= templateBytes else {
                return "has more than \(templateBytes) bytes"
            }
            return MessageTemplate($0).problem
        }
    }

    // MARK: Where it is

    private static func way(
        _ kind: Kind, _ yaml: YAMLMapping, _ rabbitMQ: AMQPEndpoint?
    ) throws -> NotificationAddress.Way {
        switch kind {
        case .slack: try chat(.slack, yaml)
        case .mattermost: try chat(.mattermost, yaml)
        case .teams: try chat(.teams, yaml)
        case .dingtalk: try chat(.dingtalk, yaml)
        case .wecom: try chat(.wecom, yaml)
        case .webhook:
            .webhook(
                url: try yaml.take("url", Configuration.webURL), secret: try signingSecret(yaml))
        case .mail: try mail(yaml)
        case .rabbitmq: try queue(yaml, rabbitMQ)
        }
    }

    private static func queue(
        _ yaml: YAMLMapping, _ rabbitMQ: AMQPEndpoint?
    ) throws -> NotificationAddress.Way {
        guard let rabbitMQ else {
            throw yaml.error(
                "type",
                "the server and the login are those of rabbitmq, which is "
                    + "not set")
        }
        let exchange = try yaml.take("exchange", RabbitMQSettings.longName, default: "")
        let key = try yaml.take("routing_key", RabbitMQSettings.longName, default: "")
        guard !exchange.isEmpty || !key.isEmpty else {
            throw yaml.error("type", "needs an exchange, or the name of a queue as routing_key")
        }
        return .queue(rabbitMQ, exchange: exchange, routingKey: key)
    }

    private static func chat(
        _ chat: NotificationAddress.Chat, _ yaml: YAMLMapping
    ) throws -> NotificationAddress.Way {
        let url = try Configuration.secret(yaml, "url_file")
        guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
            throw yaml.error(
                "url_file", "expected a file with an address that begins with https://")
        }
        let isSigned = chat == .dingtalk && yaml.keys.contains("secret_file")
        return .chat(
            chat, url: Secret(url),
            secret: isSigned ? Secret(try Configuration.secret(yaml, "secret_file")) : nil)
    }

    private static func signingSecret(_ yaml: YAMLMapping) throws -> Secret {
        let secret = try Configuration.secret(yaml, "secret_file")
        guard StandardWebhook.digest(id: "", timestamp: "", [], secret: secret) != nil else {
            throw yaml.error("secret_file", "what follows whsec_ in the file is not base64")
        }
        return Secret(secret)
    }

    private static func mail(_ yaml: YAMLMapping) throws -> NotificationAddress.Way {
        let to = try yaml.take("to", .list(of: mailbox))
        guard (1...recipients).contains(to.count) else {
            throw yaml.error("to", "expected 1 to \(recipients) addresses")
        }
        let url = try yaml.take("smtp", server)
        let user = try yaml.takeIfPresent("user", .string)
        let requiresTLS = try yaml.take("require_tls", .bool, default: true)
        guard user == nil || requiresTLS || url.hasPrefix("smtps://") else {
            throw yaml.error("require_tls", "must be true if there is a user: it has a password")
        }
        return .mail(
            MailServer(
                url: url, user: user, password: user == nil ? nil : try password(yaml),
                requiresTLS: requiresTLS,
                authorities: try yaml.takeIfPresent("ca_file", file)),
            from: try yaml.take("from", mailbox), to: to)
    }

    /// The first line of a file: people choose shorter ones than those that programs make.
    private static func password(_ yaml: YAMLMapping) throws -> String {
        let text = try Configuration.text(yaml, "password_file")
        guard let line = text.lines.first, !line.isEmpty else {
            throw yaml.error("password_file", "the file has no password in its first line")
        }
        return String(line)
    }

    private static var mailbox: YAMLType<String> {
        .string.checked { text in
            MailMessage.isAddress(text)
                ? nil : "expected an address such as images@example.org, without a name"
        }
    }

    private static var server: YAMLType<String> {
        .string.checked { text in
            let host = ["smtp://", "smtps://"].first { text.hasPrefix($0) }
                .map { text.dropFirst($0.count) }
            return host.flatMap { Authority($0) } == nil
                ? "expected an address such as smtp://mail.example.org:587" : nil
        }
    }

    private static var file: YAMLType<String> {
        .string.checked { path in
            if !path.hasPrefix("/") { return "expected an absolute path" }
            return Files.exists(path) ? nil : "there is no file \(Names.quoted(path))"
        }
    }
}
