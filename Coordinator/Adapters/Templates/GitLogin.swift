public import CoordinatorCore
import Glibc
import Support

/// A login of the coordinator at a Git server: its password, token or private key is a secret.
public struct GitLogin: Sendable {
    /// Repositories below it are fetched with the login.
    public var address: GitAddress
    /// For HTTP; an address of SSH has its user.
    public var user: String
    /// For messages.
    public var name: String
    public var secret: any SecretSource

    public init(address: GitAddress, user: String, name: String, secret: any SecretSource) {
        self.address = address
        self.user = user
        self.name = name
        self.secret = secret
    }

    /// What Git's environment gets for one run, and what must stay open meanwhile.
    struct Prepared: ~Copyable, Sendable {
        var environment: [String: String]
        var key: MemoryFile?
    }

    func prepared(origin: String, ssh: String) async throws(SecretFault) -> Prepared {
        let value = try await secret.value().reveal
        guard address.isSSH else {
            let password = value.trimmingNewline
            return Prepared(
                environment: Git.helper(
                    GitAddress.Credential(user: user, password: password), origin))
        }
        // OpenSSH takes no key without a newline at its end.
        let text = value.hasSuffix("\n") ? value : value + "\n"
        let key: MemoryFile
        do throws(SystemError) { key = try MemoryFile(Array(text.utf8)) } catch {
            throw SecretFault("the key of git.logins.\(name) cannot be given to ssh", cause: error)
        }
        let environment = [
            "GIT_SSH_COMMAND": ssh + " -o IdentitiesOnly=yes -i " + key.path
        ]
        return Prepared(environment: environment, key: key)
    }
}

extension GitAddress {
    var isSSH: Bool { url.utf8.starts(with: "ssh://".utf8) }
}
