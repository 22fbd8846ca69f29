public import TextKit

/// How this host reaches other servers: `proxy` and `ca_file` of agent.yml. Programs get them in
/// the environment variables that most of them read.
public struct ProxySettings: Sendable, Hashable, Codable {
    /// `http://proxy.example.org:3128`; `nil`: directly.
    public var http: String?
    public var https: String?
    /// Names, domains (`.example.org`) and networks that are reached directly.
    public var direct: [String]
    /// The certificates of all authorities that are trusted; `nil`: the system's.
    public var caFile: String?

    public init(
        http: String? = nil, https: String? = nil, direct: [String] = [], caFile: String? = nil
    ) {
        self.http = http
        self.https = https
        self.direct = direct
        self.caFile = caFile
    }

    public static let variables = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
    ]

    /// What the agent's own environment says. `HTTP_PROXY` is not read: a request header could set
    /// it in a CGI program.
    public init(environment: [String: String]) {
        func value(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        http = value("http_proxy")
        https = value("https_proxy", "HTTPS_PROXY")
        direct = (value("no_proxy", "NO_PROXY") ?? "").split(separator: ",").map {
            String($0.filter { $0 != " " })
        }.filter { !$0.isEmpty }
    }

    /// `nil` if it names a proxy, else what is wrong with it.
    public static func problem(_ url: String) -> String? {
        let isKnown = ["http://", "https://", "socks5://", "socks5h://"].contains {
            url.hasPrefix($0)
        }
        let isPlain = !url.unicodeScalars.contains { $0.value <= 0x20 || $0.value == 0x7F }
        return isKnown && isPlain && endpoint(of: url) != nil
            ? nil : "expected the URL of a proxy, such as http://proxy.example.org:3128"
    }

    /// For programs. A build's own services, and guests under test, are always reached directly.
    public var environment: [String: String] {
        var variables: [String: String] = [:]
        for (names, value) in [
            (["http_proxy", "HTTP_PROXY"], http), (["https_proxy", "HTTPS_PROXY"], https),
        ] {
            for name in names { variables[name] = value }
        }
        if !variables.isEmpty {
            let list = (["localhost", "127.0.0.1", "::1"] + direct).joined(separator: ",")
            for name in ["no_proxy", "NO_PROXY"] { variables[name] = list }
        }
        for name in [
            "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO",
            "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE",
        ] {
            variables[name] = caFile
        }
        return variables
    }

    /// For the agent's own fetches, which connect to the proxy whatever addresses are closed. What
    /// is closed must not be reached through it either.
    public func fetchEnvironment(closed: [IPv4Network]) -> [String: String] {
        var variables = environment
        guard let list = variables["no_proxy"] else { return variables }
        for name in ["no_proxy", "NO_PROXY"] {
            variables[name] = ([list] + closed.map(\.description)).joined(separator: ",")
        }
        return variables
    }

    /// Where a proxy listens.
    public struct Endpoint: Sendable, Hashable, Codable {
        public var host: String
        public var port: UInt16
    }

    public var endpoints: [Endpoint] {
        var endpoints: [Endpoint] = []
        for url in [http, https].compactMap(\.self) {
            if let endpoint = Self.endpoint(of: url), !endpoints.contains(endpoint) {
                endpoints.append(endpoint)
            }
        }
        return endpoints
    }

    private static func endpoint(of url: String) -> Endpoint? {
        let parts = url.pathSegments
        guard parts.count > 2, let place = parts[2].split(separator: "@").last else { return nil }
        var host = place.prefix { $0 != ":" }
        var rest = place.dropFirst(host.count)
        if place.hasPrefix("[") {
            host = place.dropFirst().prefix { $0 != "]" }
            rest = place.dropFirst(host.count + 2)
        }
        guard !host.isEmpty else { return nil }
        // What libcurl assumes.
        let usual: UInt16 = url.hasPrefix("https:") ? 443 : 1080
        guard rest.hasPrefix(":") else { return Endpoint(host: String(host), port: usual) }
        return UInt16(rest.dropFirst()).map { Endpoint(host: String(host), port: $0) }
    }
}
