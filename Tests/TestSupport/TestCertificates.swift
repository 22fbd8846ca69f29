import ProcessKit
import Support

/// Certificates of a test's own authority, made with openssl: `ca.pem`, `server.pem` for loopback,
/// `expired.pem` as well, `elsewhere.pem` for another server, `cert.pem` of a client, and
/// `stranger.pem` of a client of another authority.
public struct TestCertificates: Sendable {
    public let folder: String

    public init(in folder: String) async throws {
        self.folder = folder
        try Files.makeFolder(folder)
        try await authority("ca")
        try await authority("otherca")
        let loopback =
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"
        try await certificate("server", "localhost", loopback, by: "ca")
        try await certificate("expired", "localhost", loopback, by: "ca", days: -1)
        try await certificate(
            "elsewhere", "elsewhere",
            "subjectAltName=DNS:builds.example.org\nextendedKeyUsage=serverAuth\n", by: "ca")
        try await certificate("cert", "deployer", "extendedKeyUsage=clientAuth\n", by: "ca")
        try await certificate("stranger", "s", "extendedKeyUsage=clientAuth\n", by: "otherca")
        // Docker's own client expects this name.
        try Files.rename("\(folder)/cert-key.pem", to: "\(folder)/key.pem")
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]

    private func authority(_ name: String) async throws {
        try await openssl(
            ["req", "-x509"] + Self.newKey + [
                "-nodes", "-keyout", "\(name)-key.pem", "-out", "\(name).pem", "-days", "30",
                "-subj", "/CN=\(name)", "-addext", "basicConstraints=critical,CA:TRUE",
            ])
    }

    private func certificate(
        _ name: String, _ subject: String, _ extensions: String, by authority: String,
        days: Int = 30
    ) async throws {
        try Files.replace("\(folder)/\(name).ext", with: Array(extensions.utf8))
        try await openssl(
            ["req"] + Self.newKey + [
                "-nodes", "-keyout", "\(name)-key.pem", "-out", "\(name).csr", "-subj",
                "/CN=\(subject)",
            ])
        try await openssl([
            "x509", "-req", "-in", "\(name).csr", "-CA", "\(authority).pem", "-CAkey",
            "\(authority)-key.pem", "-CAcreateserial", "-days", "\(days)", "-out", "\(name).pem",
            "-extfile", "\(name).ext",
        ])
    }

    private func openssl(_ words: [String]) async throws {
        let output = try await Command(
            ["openssl"] + words, environment: Command.minimalEnvironment, workFolder: folder
        ).run(timeoutSeconds: 300)
        guard output.status.isSuccess else { throw Failure("openssl: \(output.stderrText)") }
    }
}
