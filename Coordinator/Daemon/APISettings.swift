import CoordinatorAPI
import HTTPClientKit
import HTTPServerKit
import HTTPTypes
import Support
import YAMLKit

/// `api:` in coordinator.yml: where the API is served, by which names, and whom it believes.
struct APISettings {
    var listen = "127.0.0.1"
    var port = 9753
    /// As people and other coordinators reach it.
    private(set) var ownURL: String?
    private(set) var baseURL: String?
    private(set) var tokenFile: String?
    private(set) var allowedHosts: [String] = []
    /// `nil`: plain HTTP.
    private(set) var certificate: TLSIdentityFiles?
    private(set) var proxies = TrustedProxies()
    private(set) var access = AccessSettings()
    /// What has an address of its own as well.
    private(set) var entrances: [Entrance: Address] = [:]
    /// Those of `entrances`, with their places in the file.
    private var claims: [PortClaim] = []

    /// Where something is served.
    struct Address {
        var listen: String
        var port: Int
        /// Plain HTTP even if there is a certificate.
        var isPlain = false
    }

    var secretFiles: [String] { [certificate?.key].compactMap(\.self) }

    init() {}

    /// - Parameter isPortGiven: by the command line: `api.port` does not count.
    init(_ yaml: YAMLMapping, isPortGiven: Bool = false) throws {
        listen = try yaml.take("listen", .string, default: listen)
        port = try yaml.take("port", .int(0...65535), default: port)
        ownURL = try yaml.takeIfPresent("url", Configuration.webURL)
        baseURL = try yaml.takeIfPresent("base_url", Configuration.webURL)
        tokenFile = try yaml.takeIfPresent("token_file", .string)
        allowedHosts = try yaml.take("allowed_hosts", .list(of: Self.hostName), default: [])
        certificate = try yaml.takeIfPresent("tls", .mapping).map { try Self.certificate($0, yaml) }
        proxies = TrustedProxies(
            try yaml.take("trusted_proxies", .list(of: Self.network), default: [])
                .compactMap { IPNetwork($0) })
        access.anonymous =
            try yaml.takeIfPresent(
                "anonymous", YAMLType<AccessSettings.Anonymous>.word) ?? access.anonymous
        access.imagesArePublic = try yaml.take(
            "public_images", .bool, default: access.imagesArePublic)
        let isInsecure = try yaml.take("insecure", .bool, default: false)
        if isInsecure, certificate != nil {
            throw yaml.error("insecure", "is for plain HTTP: remove it, as there is tls")
        }
        let own = PortClaim(
            listen: listen, port: isPortGiven ? 0 : port, place: yaml.error("port", ""),
            isDefault: !yaml.keys.contains("port"))
        if let given = try yaml.takeIfPresent("metrics", .mapping) {
            try add(given, .monitoring, beside: own)
        }
        if let given = try yaml.takeIfPresent("images", .mapping) {
            try add(given, .images, beside: own)
        }
        guard isInsecure || certificate != nil || isLoopback(listen) else {
            throw yaml.error(
                "listen",
                "other machines reach \(listen), and without TLS the token and all logs cross the "
                    + "network in clear. Set api.tls to a certificate, or listen on 127.0.0.1 "
                    + "behind a proxy that has one, or accept it: insecure: true")
        }
    }

    /// Without a certificate that can be used, the coordinator does not start.
    private static func certificate(
        _ tls: YAMLMapping, _ yaml: YAMLMapping
    ) throws -> TLSIdentityFiles {
        let files = TLSIdentityFiles(
            certificate: try tls.take("certificate_file", .string),
            key: try tls.take("key_file", .string))
        do throws(HTTPServerError) { _ = try files.read() } catch {
            throw yaml.error("tls", "\(error)")
        }
        return files
    }

    private static var hostName: YAMLType<String> {
        .string.checked { text in
            Authority(text).map { $0.port == nil } ?? false
                ? nil : "expected a host name such as builds.example.org"
        }
    }

    private static var network: YAMLType<String> {
        .string.checked { text in
            if text.hasSuffix("/0") {
                return "\(text) is everybody, who could then claim any address: name the proxies"
            }
            return IPNetwork(text) == nil
                ? "expected an address or network such as 10.1.2.3, 10.20.0.0/16 or 2001:db8::/32"
                : nil
        }
    }

    private func address(_ yaml: YAMLMapping, _ entrance: Entrance) throws -> Address {
        var address = Address(
            listen: try yaml.take("listen", .string, default: listen),
            port: try yaml.take("port", .int(0...65535)))
        address.isPlain = try yaml.take("insecure", .bool, default: false)
        guard address.isPlain || certificate != nil || isLoopback(address.listen) else {
            throw yaml.error(
                "listen",
                "other machines reach \(address.listen), where \(Self.words(entrance)) would cross "
                    + "the network in clear. Set api.tls to a certificate, or accept it: "
                    + "insecure: true")
        }
        return address
    }

    private mutating func add(
        _ yaml: YAMLMapping, _ entrance: Entrance, beside own: PortClaim
    ) throws {
        let address = try address(yaml, entrance)
        entrances[entrance] = address
        let claim = PortClaim(
            listen: address.listen, port: address.port, place: yaml.error("port", ""))
        try claim.check(against: [own] + claims)
        claims.append(claim)
    }

    /// Takes the port of the command line in place of `api.port`.
    mutating func use(port: Int) throws {
        self.port = port
        if let other = claims.first(where: { $0.overlaps(listen, port) }) {
            throw Failure("--port \(port) is the port of \(other) as well. Choose another one")
        }
    }

    /// Its key in the section `api`, which is also what people call it.
    static func words(_ entrance: Entrance) -> String {
        entrance == .images ? "images" : "metrics"
    }

    private func isLoopback(_ address: String) -> Bool {
        Authority(host(of: address))?.isLoopback ?? false
    }

    /// `nil`: plain HTTP.
    func certificateKeeper() throws(HTTPServerError) -> CertificateKeeper? {
        guard let certificate else { return nil }
        return try CertificateKeeper(
            certificate, host: ownURL.flatMap { Authority(url: $0)?.host })
    }

    /// As in a URL.
    private func host(of address: String) -> String {
        address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]" : address
    }

    /// The URL of this coordinator, for people and other coordinators.
    var url: String { ownURL ?? url(host: listen, port: port) }

    func url(host address: String, port: Int) -> String {
        "\(certificate == nil ? "http" : "https")://\(host(of: address)):\(port)"
    }

    /// The URL by which this machine reaches it: at a wildcard address, on loopback.
    func localURL(port: Int) -> String {
        let own =
            switch listen {
            case "0.0.0.0", "": "127.0.0.1"
            case "::": "::1"
            default: listen
            }
        return url(host: own, port: port)
    }

    /// To ask the coordinator by an address that its certificate need not have. If that counted, a
    /// certificate that expired would make the service manager restart it again and again.
    static var ownTLS: TLSFiles {
        var tls = TLSFiles()
        tls.isVerified = false
        return tls
    }
}
