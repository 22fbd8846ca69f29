import ProcessKit
import Support

/// A real web server on loopback, in front of a coordinator, with the configuration of `deploy/`.
/// Only what every installation has to change there is changed: the name, the ports, the
/// certificate and the web root.
public final class WebServer: Sendable {
    public enum Kind: String, CaseIterable, Sendable { case nginx, apache2 }

    /// For HTTPS and for HTTP.
    public let port, plainPort: UInt16
    public var base: String { "https://localhost:\(port)" }
    private let server: ServerProcess

    public static func start(
        _ kind: Kind, coordinator: UInt16, webRoot: String, certificates: TestCertificates
    ) async throws -> WebServer {
        for _ in 0..<20 {
            let server = try WebServer(kind, coordinator, webRoot, certificates)
            if try await server.answers() { return server }
        }
        throw Failure("\(kind) found no free port")
    }

    private init(
        _ kind: Kind, _ coordinator: UInt16, _ webRoot: String, _ certificates: TestCertificates
    ) throws {
        port = try LoopbackPort.free()
        plainPort = try LoopbackPort.free()
        let folder = "/tmp/aib-web-server-\(UInt32.random(in: .min ... .max))"
        // Traversable: as root, the workers run as another user.
        try Files.makeFolder(folder, mode: 0o755)
        var replacements = [
            ("/etc/ssl/certs/builds.example.org.pem", "\(certificates.folder)/server.pem"),
            ("/etc/ssl/private/builds.example.org.key", "\(certificates.folder)/server-key.pem"),
            ("builds.example.org", "localhost"), ("/var/www/html", webRoot),
            ("127.0.0.1:9753", "127.0.0.1:\(coordinator)"),
        ]
        let words: [String]
        switch kind {
        case .nginx:
            replacements += [
                ("listen [::]:80;", ""), ("listen [::]:443 ssl http2;", ""),
                ("listen 80;", "listen 127.0.0.1:\(plainPort);"),
                ("listen 443 ", "listen 127.0.0.1:\(port) "),
            ]
            try Files.replace("\(folder)/main", with: Self.nginx(folder).utf8)
            words = ["nginx", "-c", "\(folder)/main", "-e", "stderr"]
        case .apache2:
            replacements += [
                ("<VirtualHost *:80>", "<VirtualHost 127.0.0.1:\(plainPort)>"),
                ("<VirtualHost *:443>", "<VirtualHost 127.0.0.1:\(port)>"),
            ]
            try Files.replace("\(folder)/main", with: Self.apache(folder, port, plainPort).utf8)
            words = ["apache2", "-D", "FOREGROUND", "-f", "\(folder)/main"]
        }
        let site = try Self.site(kind, replacements)
        try Files.replace("\(folder)/site", with: site.utf8)
        server = try ServerProcess(folder: folder, words)
    }

    private static func site(_ kind: Kind, _ replacements: [(String, String)]) throws -> String {
        let path = "\(kind)/aibuild.conf"
        var text = try DeployFolder.text(path)
        for (old, new) in replacements {
            guard text.contains(old) else { throw Failure("\(path) has no '\(old)'") }
            text = text.replacing(old, with: new)
        }
        return text
    }

    /// What Debian's nginx.conf has around a site.
    private static func nginx(_ folder: String) -> String {
        """
        daemon off;
        user www-data;
        pid \(folder)/pid;
        worker_processes 1;
        events { worker_connections 256; }
        http {
            access_log off;
            client_body_temp_path \(folder)/body;
            proxy_temp_path \(folder)/proxy;
            fastcgi_temp_path \(folder)/fastcgi;
            uwsgi_temp_path \(folder)/uwsgi;
            scgi_temp_path \(folder)/scgi;
            include /etc/nginx/mime.types;
            gzip on;
            include \(folder)/site;
        }

        """
    }

    /// What Debian's apache2.conf has, with the modules that the site names and those that are on
    /// by default.
    private static func apache(_ folder: String, _ port: UInt16, _ plainPort: UInt16) -> String {
        let modules = [
            "mpm_event", "authz_core", "alias", "autoindex", "deflate", "dir", "env", "filter",
            "mime", "negotiation", "reqtimeout", "setenvif", "socache_shmcb", "ssl", "http2",
            "headers", "rewrite", "proxy", "proxy_http",
        ]
        return modules.map {
            "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so\n"
        }.joined() + """
            ServerRoot \(folder)
            PidFile \(folder)/pid
            DefaultRuntimeDir \(folder)
            ErrorLog \(folder)/log
            User www-data
            Group www-data
            ServerName localhost
            Listen 127.0.0.1:\(port)
            Listen 127.0.0.1:\(plainPort)
            TypesConfig /etc/mime.types
            LogFormat "%h %r %>s" combined
            Define APACHE_LOG_DIR \(folder)
            <Directory />
                AllowOverride None
                Require all denied
            </Directory>
            AddOutputFilterByType DEFLATE text/html text/plain application/json
            Include \(folder)/site

            """
    }

    private func answers() async throws -> Bool {
        try await eventually("the web server answers: \(server.log)", seconds: 60) {
            if server.log.contains("ddress already in use") { return false }
            let open = try await Command(
                ["curl", "-sk", "-o", "/dev/null", base], environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            return open.status.isSuccess ? true : nil
        }
    }

    public var log: String { server.log }
}
