import HTTPServerKit
import HTTPTypes
import TestSupport
import Testing

@testable import aibuild

/// What people read when the coordinator's certificate is not one that this machine takes.
@Suite("Certificates of coordinators", .timeLimit(.minutes(2))) struct CertificateTests {
    private let temporary: TemporaryFolder
    private let folder: String

    init() async throws {
        temporary = try TemporaryFolder()
        folder = temporary.path
        _ = try await TestCertificates(in: folder)
    }

    /// - Parameter certificate: `nil`: plain HTTP.
    private func said(
        _ certificate: String?, authorities: String?, scheme: String = "https"
    ) async throws -> Ran {
        let identity = try certificate.map {
            try TLSIdentityFiles(
                certificate: "\(folder)/\($0).pem", key: "\(folder)/\($0)-key.pem"
            ).read()
        }
        let server = HTTPServer(host: "127.0.0.1", port: 0, tls: identity) { _ in
            HTTPResponse(body: .bytes(Array(#"{"items":[]}"#.utf8)))
        }
        try server.start()
        let console = TestConsole()
        var variables = ["AIBUILD_URL": "\(scheme)://127.0.0.1:\(server.boundPort)"]
        variables["AIBUILD_CA_FILE"] = authorities.map { "\(folder)/\($0)" }
        let code = await CLI(console: console.console(isTerminal: false), variables: variables)
            .run(["builds"])
        await server.stop()
        return Ran(code: code, out: console.out, err: console.err)
    }

    @Test("A certificate of the given authority is taken")
    func good() async throws {
        let ran = try await said("server", authorities: "ca.pem")
        #expect(ran.code == .ok, "\(ran.err)")
    }

    @Test("An error says why the certificate is refused, and what to do")
    func refusals() async throws {
        for (certificate, authorities, words) in [
            ("server", nil, "--ca-file FILE or AIBUILD_CA_FILE"),
            ("server", "otherca.pem", "--ca-file FILE or AIBUILD_CA_FILE"),
            ("elsewhere", "ca.pem", "Use a name that the certificate has"),
            ("expired", "ca.pem", "Renew the certificate"),
            ("server", "none.pem", "Check the file of --ca-file or AIBUILD_CA_FILE"),
            (nil, "ca.pem", "use http://"),
        ] as [(String?, String?, String)] {
            let ran = try await said(certificate, authorities: authorities)
            #expect(ran.code == .unreachable, "\(words)")
            #expect(ran.err.contains(words), "\(ran.err)")
        }
        let plain = try await said("server", authorities: nil, scheme: "http")
        #expect(plain.code == .unreachable)
        #expect(plain.err.contains("use https://"), "\(plain.err)")
    }

    /// There it is an authority that the coordinator trusts.
    @Test("The --ca-file of an environment is not that of the connection")
    func environments() async throws {
        try await withCoordinator({ _ in }) { coordinator in
            let ran = await coordinator.run("env", "add", "--help")
            #expect(ran.out.components(of: "--ca-file") == 1, "\(ran.out)")
            let other = await coordinator.run("builds", "--help")
            #expect(other.out.components(of: "--ca-file") == 1, "\(other.out)")
        }
    }
}

extension String {
    fileprivate func components(of word: String) -> Int { ranges(of: word).count }
}
