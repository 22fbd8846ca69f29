@testable import CoordinatorAdapters
import CoordinatorCore
import Testing

/// What every keeper of passwords promises.
@Suite struct PasswordTests {
    static let all: [any PasswordHashing] = [
        InMemoryPasswords(), (try? YescryptPasswords()) ?? InMemoryPasswords(),
    ]

    @Test("Its own password matches a hash, and no other", arguments: [0, 1])
    func conforms(_ index: Int) async throws {
        let passwords = Self.all[index]
        let hash = try await passwords.hash("correct horse battery")
        #expect(try await passwords.matches("correct horse battery", hash))
        for wrong in ["correct horse batterz", "", "correct horse battery ", hash] {
            #expect(try await !passwords.matches(wrong, hash), "\(wrong)")
        }
        #expect(try await !passwords.matches("", nil))
        #expect(try await !passwords.matches("correct horse battery", nil))
    }

    @Test("A hash is yescrypt's, salted, and says nothing of the password")
    func isYescrypt() async throws {
        let passwords = try YescryptPasswords()
        let one = try await passwords.hash("correct horse battery")
        let other = try await passwords.hash("correct horse battery")
        // The cost, of which a sign-in's deliberate work is made: more of it is welcome.
        #expect(one.hasPrefix("$y$jCT$"), "\(one)")
        // So does a name that nobody has.
        #expect(passwords.decoy.hasPrefix("$y$jCT$"), "\(passwords.decoy)")
        #expect(one != other && !one.contains("horse"))
        // What a damaged row has is an error, and signs nobody in.
        for damaged in ["", "*0", "plain", "$y$"] {
            let isIn = try? await passwords.matches("correct horse battery", damaged)
            #expect(isIn != true, "\(damaged)")
        }
    }
}
