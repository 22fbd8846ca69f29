import ProcessKit
import SSHKit
import Support
import TestSupport
import TextKit
import Testing

/// Host keys as people have them, with the hashes that a real ssh-keygen makes.
@Suite(.timeLimit(.minutes(1))) struct KnownHostsTests {
    private static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0dDj2QvYyhsZQf4e3bWbz4Dq0JtRk0hEnXb0KkbpZa"
    private static let other =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKKKDj2QvYyhsZQf4e3bWbz4Dq0JtRk0hEnXb0KkbpZa"

    private func find(_ address: String, _ text: String) throws -> String {
        try KnownHosts.key(of: try SSHEndpoint("aibuild@" + address), in: text).description
    }

    @Test(
        "A line is taken for its host and port",
        arguments: [
            ("kvm1", key), ("kvm1", key + " root@kvm1\n"), ("kvm1", "kvm1 \(key) comment"),
            ("kvm1", "# kvm1:22 SSH-2.0-OpenSSH_9.2\n\nkvm1 \(key)\r\n"),
            ("KVM1.example.org", "kvm1,kvm1.example.org \(key)"),
            ("kvm1:2222", "kvm1 \(other)\n[kvm1]:2222 \(key)"),
            ("kvm1:22", "[kvm1]:22 \(key)\n[kvm1]:2222 \(other)"),
            ("kvm7", "kvm9 \(other)\nkvm?,!kvm9 \(key)"), ("a.lab", "*.lab \(key)"),
            ("[2001:db8::1]", "2001:DB8:0::1 \(key)"),
            ("[2001:db8::1]:2222", "[2001:db8:0:0::1]:2222 \(key)"),
            ("kvm1", "kvm1 ssh-dss AAAAB3NzaC1kc3M=\nkvm1 \(key)"),
            ("kvm1", "@revoked kvm1 \(other)\nkvm1 \(key)"),
            ("kvm1", "@cert-authority *.lab \(other)\nkvm1 \(key)"),
            ("kvm1", "kvm1 \(key)\nkvm1 \(key)"),
        ])
    func takesLines(address: String, text: String) throws {
        #expect(try find(address, text) == Self.key)
    }

    @Test(
        "What has no usable key for the host is refused with the reason",
        arguments: [
            ("kvm2", "kvm1,10.0.0.1 \(key)", "no line for kvm2, only for kvm1,10.0.0.1"),
            ("kvm1:2222", "kvm1 \(key)", "no line for [kvm1]:2222"),
            ("kvm9", "kvm?,!kvm9 \(key)", "no line for kvm9"),
            ("kvm1", "@revoked kvm1 \(key)", "is revoked"),
            ("kvm1", "kvm1 \(key)\n@revoked * \(key)", "is revoked"),
            ("kvm1", "@cert-authority * \(key)", "authority's key"),
            ("kvm1", "@strange kvm1 \(key)", "unknown marker in line 1"),
            ("kvm1", "kvm1 \(key)\nkvm1 \(other)", "several keys of one type"),
            ("kvm1", "kvm1 ssh-dss AAAAB3NzaC1kc3M=", "no key of a type known here"),
            ("kvm1", "", "no key"), ("kvm1", "kvm1", "is no host key"),
            ("kvm1", "kvm1 ssh-ed25519 AAAA", "no type known here"),
        ])
    func refuses(address: String, text: String, reason: String) {
        let error = #expect(throws: SSHError.self) { try find(address, text) }
        #expect(error?.code == .hostKeyInvalid)
        #expect(error?.description.contains(reason) == true, "\(error as Any)")
    }

    @Test("Hashed names are found, as ssh-keygen hashes them") func hashedNames() async throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/known_hosts"
        let long = String(repeating: "h", count: 100) + ".example.org"
        let lines =
            "kvm1 \(Self.key)\n[kvm1]:2222 \(Self.other)\n\(long) \(Self.other)\n"
            + "2001:db8::1 \(Self.key)\n"
        try Files.replace(file, with: lines.utf8)
        let result = try await Command(
            ["ssh-keygen", "-H", "-f", file], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        try #require(result.status.isSuccess, "\(result.stderrText)")
        let text = String(decoding: try Files.read(file, limitBytes: 1 << 16), as: UTF8.self)
        #expect(text.hasPrefix("|1|") && !text.contains("kvm1"))
        #expect(try find("kvm1", text) == Self.key)
        #expect(try find("kvm1:2222", text) == Self.other)
        #expect(try find(long, text) == Self.other)
        #expect(try find("[2001:db8::1]", text) == Self.key)
        #expect(throws: SSHError.self) { try find("kvm2", text) }
    }

    @Test("Of several types, the preferred one is taken from the output of ssh-keyscan")
    func keyscan() async throws {
        var configuration = SSHServer.Configuration()
        configuration.hostKeyTypes = ["rsa", "ecdsa", "ed25519"]
        let server = try await SSHServer.start(configuration)
        let scan = try await Command(
            ["ssh-keyscan", "-p", "\(server.port)", "127.0.0.1"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(scan.stdoutText.lines.count >= 3, "\(scan.stderrText)")
        #expect(
            try KnownHosts.key(of: server.endpoint, in: scan.stdoutText) == server.hostKey())
        #expect(
            try KnownHosts.key(
                of: server.endpoint,
                in: scan.stdoutText.lines.filter { !$0.contains("ed25519") }.joined(separator: "\n")
            ) == server.hostKey("ecdsa"))
    }
}
