import AgentCore
import Testing
import TextKit

/// The proxy and the authorities of a host.
@Suite struct ProxyTests {
    @Test("Programs get the proxy in the variables that they read, and reach guests directly")
    func environment() {
        let proxy = ProxySettings(
            http: "http://p:3128", https: "http://u:w@q:3128", direct: [".example.org"],
            caFile: "/etc/ssl/own.pem")
        let variables = proxy.environment
        #expect(variables["http_proxy"] == "http://p:3128")
        #expect(variables["HTTPS_PROXY"] == "http://u:w@q:3128")
        #expect(variables["no_proxy"] == "localhost,127.0.0.1,::1,.example.org")
        #expect(variables["NO_PROXY"] == variables["no_proxy"])
        for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE"] {
            #expect(variables[name] == "/etc/ssl/own.pem", "\(name)")
        }
        #expect(proxy.endpoints.map(\.host) == ["p", "q"])
        #expect(proxy.endpoints.map(\.port) == [3128, 3128])
        #expect(ProxySettings(http: "https://[::1]").endpoints.map(\.host) == ["::1"])
        #expect(ProxySettings(http: "https://[::1]").endpoints.map(\.port) == [443])
        #expect(ProxySettings().environment.isEmpty)
    }

    @Test("What is closed is not fetched through the proxy either")
    func closed() {
        let closed = ["169.254.0.0/16", "10.0.0.7"].compactMap { IPv4Network($0) }
        let variables = ProxySettings(http: "http://p:1").fetchEnvironment(closed: closed)
        #expect(
            variables["no_proxy"] == "localhost,127.0.0.1,::1,169.254.0.0/16,10.0.0.7/32")
        #expect(ProxySettings().fetchEnvironment(closed: closed).isEmpty)
    }

    @Test("Without settings, the agent's own environment counts")
    func ownEnvironment() {
        let proxy = ProxySettings(environment: [
            "http_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1", "HTTP_PROXY": "http://evil",
            "no_proxy": "x, 10.0.0.0/8,",
        ])
        #expect(
            proxy
                == ProxySettings(
                    http: "http://a:1", https: "http://b:1", direct: ["x", "10.0.0.0/8"]))
    }

    @Test(
        "A proxy is named by a URL",
        arguments: [
            ("http://proxy:3128", true), ("socks5h://10.0.0.1:1080", true),
            ("https://[fd00::1]:3128/", true), ("proxy:3128", false), ("ftp://proxy", false),
            ("http://", false), ("http://a b:1", false), ("http://a:x", false),
        ])
    func urls(url: String, isProxy: Bool) {
        #expect((ProxySettings.problem(url) == nil) == isProxy)
    }
}
