import AgentCore
import BuildProtocol
import Support

/// The file of one of the host's secrets.
enum HostSecretFile {
    struct Unusable: Error {
        /// `cannot be read: …`
        var why: String
    }

    static func read(_ secret: HostSecret) throws(Unusable) -> [UInt8] {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(secret.file, limitBytes: AgentLimits.secretFileBytes)
        } catch { throw Unusable(why: "cannot be read: \(error)") }
        guard bytes.count >= AgentLimits.secretBytes, !bytes.contains(0) else {
            throw Unusable(
                why: "is shorter than \(AgentLimits.secretBytes) bytes, or has a NUL byte")
        }
        return bytes
    }

    /// - Returns: the names of those that builds can use, and a notice for each of the others.
    static func usable(
        among secrets: [String: HostSecret]
    ) -> (names: [String], notices: [String]) {
        var found: (names: [String], notices: [String]) = ([], [])
        for (name, secret) in secrets.sorted(by: { $0.key < $1.key }) {
            do throws(Unusable) {
                _ = try read(secret)
                found.names.append(name)
            } catch {
                found.notices.append(
                    "the secret \(Names.quoted(name)) \(error.why). Builds that need it do not "
                        + "start here")
            }
        }
        return found
    }
}
