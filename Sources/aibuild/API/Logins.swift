import FoundationEssentials
import Support
import TextKit

/// The coordinators that this user has signed in to, each with its token: a file of mode 0600.
struct Logins: Codable {
    struct Login: Codable {
        /// By which `--url` and `AIBUILD_URL` may name it.
        var name: String
        var url: String
        var user: String
        var token: String
        /// The file with the authorities that its certificate is trusted by; `nil`: the system's.
        var authorities: String?
    }

    /// The last one signed in to first: it is the one that commands talk to.
    private(set) var logins: [Login] = []

    /// More than anybody has; and a bound for the file.
    private static let count = 100
    private static let fileBytes = 256 << 10

    /// `nil`: neither XDG_CONFIG_HOME nor HOME is set.
    static func path(_ variables: [String: String]) -> String? {
        let configured = variables["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        let home = variables["HOME"].flatMap { $0.hasPrefix("/") ? $0 + "/.config" : nil }
        return (configured ?? home).map { $0 + "/aibuild/logins.json" }
    }

    /// Those of the file; none if there is no file.
    static func read(_ variables: [String: String]) throws(CommandError) -> Logins {
        guard let path = path(variables), Files.exists(path) else { return Logins() }
        guard let mode = Files.mode(path), mode & 0o077 == 0 else {
            throw CommandError(
                .usage, "Others can read \(path), which has tokens: chmod 600 \(path)")
        }
        let bytes: [UInt8]
        do { bytes = try Files.read(path, limitBytes: fileBytes) } catch {
            throw CommandError(.usage, error)
        }
        do { return try JSONDecoder().decode(Logins.self, from: Data(bytes)) } catch {
            throw CommandError(
                .usage, "\(path) is not what aibuild login writes: remove it and sign in again")
        }
    }

    func write(_ variables: [String: String]) throws {
        guard let path = Self.path(variables) else {
            throw CommandError(
                .usage, "There is no place for the token: set HOME or XDG_CONFIG_HOME")
        }
        let text = try CanonicalJSON.encode(self)
        do {
            try Files.makeFolder(Files.folder(of: path), mode: 0o700)
            try Files.replace(path, with: text, mode: 0o600)
        } catch { throw CommandError(.output, error) }
    }

    /// By its name or its URL.
    func find(_ word: String) -> Login? {
        logins.first { $0.name == word } ?? logins.first { $0.url == word }
    }

    mutating func add(_ login: Login) {
        remove(login.name)
        logins = [login] + logins.prefix(Self.count - 1)
    }

    mutating func remove(_ name: String) { logins.removeAll { $0.name == name } }
}
