public import CoordinatorCore
import ProcessKit
import Support

/// A secret that a program of the operator prints, such as the client of a password store. No shell
/// is involved.
public struct CommandSecret: SecretSource {
    public let guestOSes: [String]
    public var environments: [String] = []
    private let arguments: [String]
    private let timeoutSeconds: Int

    public init(_ arguments: [String], timeoutSeconds: Int, guestOSes: [String]) {
        self.arguments = arguments
        self.timeoutSeconds = timeoutSeconds
        self.guestOSes = guestOSes
    }

    /// The arguments may say more than everybody should read.
    public var place: String { "command \(arguments.first ?? "")" }

    public func value() async throws(SecretFault) -> Secret {
        let output: Command.Output
        do {
            output = try await Command(arguments, environment: Command.minimalEnvironment).run(
                timeoutSeconds: timeoutSeconds,
                outputLimitBytes: FarmSecret.Bounds.valueBytes.upperBound + 1)
        } catch {
            throw SecretFault(
                "the \(place) did not print its secret within \(timeoutSeconds) s and "
                    + "\(FarmSecret.Bounds.valueBytes.upperBound) bytes, or cannot be started. "
                    + Self.remedy)
        }
        // What it prints may be the secret, whatever its end.
        guard output.status.isSuccess else {
            throw SecretFault(
                "the \(place) failed (\(output.status)), and printed no secret. \(Self.remedy)")
        }
        return try FileSecret.checked(output.stdout, place)
    }

    private static let remedy = "Run it by hand as the coordinator's user to see why"
}
