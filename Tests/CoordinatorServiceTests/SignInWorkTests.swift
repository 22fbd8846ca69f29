import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// How much work a sign-in takes, by which nobody is to learn whether there is such a user.
@Suite(.timeLimit(.minutes(1))) struct SignInWorkTests {
    private final class CountedPasswords: PasswordHashing {
        private let compared = Mutex(0)

        func hash(_ password: String) async throws -> String { "plain:" + password }
        func matches(_ password: String, _ hash: String?) async throws -> Bool {
            compared.withLock { $0 += 1 }
            return hash == "plain:" + password
        }
        func take() -> Int {
            compared.withLock { count in
                defer { count = 0 }
                return count
            }
        }
    }

    /// Knows nobody.
    private struct EmptySystem: IdentityProvider {
        var source: Principal.Source { .keystone }
        func identity(_ name: String, _ password: String) async throws -> ProvidedIdentity? { nil }
    }

    @Test(
        "One hash is computed for every name, known or not, with and without Keystone",
        arguments: [false, true])
    func oneHash(withKeystone: Bool) async throws {
        let farm = try await TestFarm(hosts: 0)
        let passwords = CountedPasswords()
        var ports = farm.ports
        ports.passwords = passwords
        if withKeystone { ports.identities = EmptySystem() }
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(farm.epoch)
        let leader = try coordinator.leading()
        for (name, isDisabled) in [("anna", false), ("bert", true)] {
            _ = try await leader.users.addUser(
                name,
                UserForm(role: .viewer, disabled: isDisabled, password: "correct horse battery"),
                by: "local")
        }
        for name in ["anna", "bert", "nobody", "x", ""] {
            let fault = await #expect(throws: SignInFault.self) {
                _ = try await leader.signIns.signIn(name, "wrong", address: "10.0.0.7")
            }
            #expect(fault == .wrong && passwords.take() == 1, "\(name)")
        }
        _ = try await leader.signIns.signIn("anna", "correct horse battery", address: "10.0.0.7")
        #expect(passwords.take() == 1)
        await coordinator.stop()
    }
}
