import ProcessKit
import SSHKit
import TestSupport
import Testing

@Suite struct NameTests {
    @Test(
        "An endpoint is parsed and written the same way",
        arguments: [
            ("root@kvm1", "root", "kvm1", 22),
            ("aib@kvm1.example.org:2222", "aib", "kvm1.example.org", 2222),
            ("root@10.0.0.7:22", "root", "10.0.0.7", 22), ("root@[::1]:2200", "root", "::1", 2200),
            ("root@[fe80::1%eth0]", "root", "fe80::1%eth0", 22), ("a@b@host", "a@b", "host", 22),
        ])
    func endpointIsParsed(text: String, user: String, host: String, port: UInt16) throws {
        let endpoint = try SSHEndpoint(text)
        #expect(endpoint == SSHEndpoint(user: user, host: host, port: port))
        #expect(try SSHEndpoint(endpoint.description) == endpoint)
    }

    @Test(
        "An address that makes no sense is refused with the right form",
        arguments: [
            "", "kvm1", "@kvm1", "root@", "root@:22", "root@kvm1:", "root@kvm1:0",
            "root@kvm1:65536",
            "root@kvm1:ssh", "root@::1", "root@[::1", "root@[::1]22", "root@[kvm1]:22",
            "-oX=1@kvm1",
            "root@-kvm1", "ro ot@kvm1", "root@kvm 1", "root@kvm1\n", "root@kvm1/x",
            "root@kvm\u{e9}",
            "r@" + String(repeating: "a", count: 400),
        ])
    func nonsenseIsNoEndpoint(text: String) {
        let error = #expect(throws: SSHError.self) { try SSHEndpoint(text) }
        #expect(error?.code == .addressInvalid)
        #expect(error?.description.contains("USER@HOST") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("A fingerprint is that of ssh-keygen", arguments: ["ed25519", "ecdsa", "rsa"])
    func fingerprintIsThatOfSSHKeygen(type: String) async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/key"
        try await SSHServer.makeKey(path, type)
        let listing = try await Command(
            ["ssh-keygen", "-l", "-f", path], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300).stdoutText
        let line = try await Command(
            ["cat", path + ".pub"], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300).stdoutText
        let key = try SSHHostKey(line)
        #expect(listing.split(separator: " ")[1] == key.fingerprint)
        #expect(try SSHHostKey(key.description) == key)
        #expect(line.hasPrefix(key.description))
    }

    private static let good =
        "AAAAC3NzaC1lZDI1NTE5AAAAIJ0dDj2QvYyhsZQf4e3bWbz4Dq0JtRk0hEnXb0KkbpZa"

    @Test(
        "A host key that is damaged or of another type is refused",
        arguments: [
            "", "ssh-ed25519", "ssh-ed25519 ***", "ssh-ed25519 AAAA", "ssh-rsa " + good,
            "ssh-ed25519 " + good.dropLast(8) + "=", "kvm1 ssh-ed25519 " + good,
        ])
    func nonsenseIsNoHostKey(line: String) {
        let error = #expect(throws: SSHError.self) { try SSHHostKey(line) }
        #expect(error?.code == .hostKeyInvalid)
    }
}
