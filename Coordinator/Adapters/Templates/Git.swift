import BuildProtocol
import CoordinatorCore
import Glibc
import ProcessKit
import Support
import TextKit

/// Runs Git: without prompts, without programs as transports, and with credentials only in its
/// environment, because arguments are visible to every user of the machine.
package struct Git: Sendable {
    /// The folder of Git's configuration and `.netrc`.
    let home: String
    let access: GitAccess

    /// - Parameters:
    ///   - what: completes `cannot …`.
    ///   - address: of the server to log in to.
    ///   - limitBytes: of each file that it writes.
    ///   - code: of the error if Git fails.
    /// - Throws: `TemplateFault` with what Git said.
    @discardableResult
    func run(
        _ arguments: [String], to what: String, at address: GitAddress? = nil,
        limitBytes: Int64? = nil, else code: TemplateFaultCode = .usual
    ) async throws -> Command.Output {
        let result = try await output(arguments, at: address, limitBytes: limitBytes)
        guard result.status.isSuccess else {
            let message = Self.reason(result.stderrText)
            let isTooLarge = result.status == .killed(signal: SIGXFSZ)
            let remedy =
                isTooLarge
                ? "It has more than \((limitBytes ?? 0) >> 20) MiB"
                : address.flatMap { access.remedy(message, $0, hasLogin: hasLogin($0)) }
            throw TemplateFault(
                code,
                "cannot \(what)" + (message.isEmpty ? "" : ": \(message)")
                    + (remedy.map { ". \($0)" } ?? ""))
        }
        return result
    }

    private func hasLogin(_ address: GitAddress) -> Bool {
        guard let origin = address.origin,
            let file = try? Files.read(home + "/.netrc", limitBytes: 64 << 10)
        else { return false }
        let place = origin.pathSegments.last ?? ""
        let host = place.split(separator: ":").first ?? ""
        let words = file.split { $0 <= 0x20 }.map { String(decoding: $0, as: UTF8.self) }
        return zip(words, words.dropFirst()).contains { $0 == "machine" && $1 == host }
    }

    /// The lines in which Git says why it failed: the first ones, without what it prints below any
    /// failure of a transport, unless it says nothing else.
    package static func reason(_ errors: String) -> String {
        let epilogue = [
            "fatal: Could not read from remote repository.",
            "Please make sure you have the correct access rights", "and the repository exists.",
        ]
        let lines = errors.lines.map { String($0) }.filter { !$0.isEmpty }
        let telling = lines.filter { !epilogue.contains($0) && !$0.hasPrefix("Cloning into ") }
        return (telling.isEmpty ? lines : telling).prefix(4).joined(separator: "; ")
            .prefixOfUTF8(1000)
    }

    /// As `run`, whatever its exit status.
    func output(
        _ arguments: [String], at address: GitAddress? = nil, limitBytes: Int64? = nil
    ) async throws -> Command.Output {
        var environment = try Self.environment(home: home, access)
        let login = try await login(at: address)
        environment.merge(login.environment) { $1 }
        let limit = limitBytes.map { ["prlimit", "--fsize=\($0)", "--core=0"] } ?? []
        let output = try await Command(limit + ["git"] + arguments, environment: environment).run(
            timeoutSeconds: access.limits.seconds, outputLimitBytes: access.limits.outputBytes)
        _ = consume login  // its key is open until here
        return output
    }

    private static func environment(
        home: String, _ access: GitAccess
    ) throws(TemplateFault) -> [String: String] {
        var environment = Command.minimalEnvironment
        guard Command.find("git", path: environment["PATH"] ?? "") != nil else {
            throw TemplateFault(
                "Git is not installed on the coordinator's machine: apt install git")
        }
        // Git must not prompt on a terminal, and no transport may run a program (`ext::`).
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment["GIT_ALLOW_PROTOCOL"] = "file:git:http:https:ssh"
        // A server that is silent must not hold a build for the whole time of a fetch.
        environment["GIT_HTTP_LOW_SPEED_LIMIT"] = "1"
        environment["GIT_HTTP_LOW_SPEED_TIME"] = "\(access.limits.stallSeconds)"
        environment["LC_ALL"] = "C"
        environment["HOME"] = home
        environment.merge(access.environment) { $1 }
        return environment
    }

    private func login(at address: GitAddress?) async throws(TemplateFault) -> GitLogin.Prepared {
        guard let address else { return GitLogin.Prepared(environment: [:]) }
        if address.credential == nil, let login = access.login(for: address) {
            do throws(SecretFault) {
                return try await login.prepared(origin: address.origin ?? "", ssh: access.ssh)
            } catch {
                throw TemplateFault(
                    .unavailable,
                    "cannot log in to \(address.url) by git.logins.\(login.name): \(error)")
            }
        }
        guard let credential = access.credential(for: address), let origin = address.origin else {
            return GitLogin.Prepared(environment: [:])
        }
        return GitLogin.Prepared(environment: Self.helper(credential, origin))
    }

    /// A credential helper for this server alone. Git calls it when the server requires a login, so
    /// every HTTP scheme works, and a redirect to another server gets nothing; a header of our own
    /// (`http.extraHeader`) would have to guess the scheme. No other helper is called: one that
    /// stores credentials would write this one to disk.
    static func helper(_ credential: GitAddress.Credential, _ origin: String) -> [String: String] {
        guard !(credential.user + credential.password).utf8.contains(where: { $0 < 0x20 }) else {
            return [:]
        }
        let helper =
            "!f() { test \"$1\" != get || printf 'username=%s\\npassword=%s\\n' "
            + "\"$AIBUILD_GIT_USER\" \"$AIBUILD_GIT_PASSWORD\"; }; f"
        return [
            "AIBUILD_GIT_USER": credential.user, "AIBUILD_GIT_PASSWORD": credential.password,
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": "",
            "GIT_CONFIG_KEY_1": "credential.\(origin).helper", "GIT_CONFIG_VALUE_1": helper,
        ]
    }
}

extension String {
    var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
