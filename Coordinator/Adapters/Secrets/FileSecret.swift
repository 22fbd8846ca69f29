public import CoordinatorCore
import Support

/// A secret in a file of the coordinator's machine.
public struct FileSecret: SecretSource {
    public let guestOSes: [String]
    public var environments: [String] = []
    private let path: String

    public init(path: String, guestOSes: [String]) {
        self.path = path
        self.guestOSes = guestOSes
    }

    public var place: String { "file \(path)" }

    public func value() async throws(SecretFault) -> Secret {
        let bytes: [UInt8]
        do {
            bytes = try await OwnThread.run { [path] in
                try Files.read(path, limitBytes: FarmSecret.Bounds.valueBytes.upperBound)
            }
        } catch {
            throw SecretFault(
                "the secret of the \(place) cannot be read: \(error). The coordinator's user needs "
                    + "the right to read it")
        }
        return try Self.checked(bytes, place)
    }

    /// - Throws: `SecretFault` without anything of the value.
    static func checked(_ bytes: [UInt8], _ place: String) throws(SecretFault) -> Secret {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SecretFault(
                "the secret of the \(place) is not text in UTF-8: encode it, for example by base64")
        }
        let secret = Secret(text)
        if let problem = FarmSecret.problem(ofValue: secret) {
            throw SecretFault("the secret of the \(place) cannot be used: \(problem)")
        }
        return secret
    }
}
