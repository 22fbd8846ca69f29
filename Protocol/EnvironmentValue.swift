/// The value of an environment variable of a build program.
public enum EnvironmentValue: Sendable, Hashable {
    case text(String)
    /// The content of a secret of the host or the coordinator, by its name.
    case secret(String)
    /// The path of a file with that content.
    case secretFile(String)

    /// The name of the secret.
    public var secretName: String? {
        switch self {
        case .text: nil
        case .secret(let name), .secretFile(let name): name
        }
    }

    /// Why a program's environment cannot have this name; `nil` if it can.
    ///
    /// - Parameter name: of a variable that a template sets.
    public static func problem(ofName name: String) -> String? {
        guard name.wholeMatch(of: #/[A-Za-z_][A-Za-z0-9_]{0,127}/#) != nil else {
            return "the name \(Names.quoted(name)) cannot be an environment variable: use letters, "
                + "digits and _"
        }
        let isReserved =
            reserved.contains(name) || name.hasPrefix("AIBUILD_") || name.hasPrefix("PACKER_")
        return isReserved ? "\(name) is set by the agent" : nil
    }

    private static let reserved: Set<String> = ["PATH", "HOME", "TMPDIR", "LANG"]
}

extension EnvironmentValue: Codable {
    private enum Key: String, CodingKey { case text, secret, secretFile }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        if let text = try container.decodeIfPresent(String.self, forKey: .text) {
            self = .text(text)
        } else if let name = try container.decodeIfPresent(String.self, forKey: .secret) {
            self = .secret(name)
        } else {
            self = .secretFile(try container.decode(String.self, forKey: .secretFile))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .text(let text): try container.encode(text, forKey: .text)
        case .secret(let name): try container.encode(name, forKey: .secret)
        case .secretFile(let name): try container.encode(name, forKey: .secretFile)
        }
    }
}
