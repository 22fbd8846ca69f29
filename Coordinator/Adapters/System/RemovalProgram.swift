public import BuildProtocol
public import CoordinatorCore
import ProcessKit
import Support

/// A program of the operator that removes an image from where it is. What it needs is in its
/// environment, never in its arguments; it signs in with what the operator gave it.
public struct RemovalProgram: RemoteImageRemover {
    private let arguments: [String]
    private let timeoutSeconds: Int

    private static let outputBytes = 1 << 20

    /// - Parameter arguments: the program and its arguments; no shell is involved.
    public init(_ arguments: [String], timeoutSeconds: Int) {
        self.arguments = arguments
        self.timeoutSeconds = timeoutSeconds
    }

    public func remove(_ image: RemoteImage, of build: Build) async throws {
        let name = arguments.first ?? ""
        let words = [
            "AIBUILD_REMOTE_ID": image.id ?? "", "AIBUILD_REMOTE_TYPE": image.type,
            "AIBUILD_REMOTE_BUILDER": image.builder, "AIBUILD_GUESTOS": build.guestOS,
            "AIBUILD_BUILD": build.id, "AIBUILD_BUILD_NUMBER": "\(build.number)",
            "AIBUILD_IMAGE_NAME": build.imageName,
        ]
        let output: Command.Output
        do {
            output = try await Command(
                arguments, environment: Command.minimalEnvironment.merging(words) { $1 }
            ).run(timeoutSeconds: timeoutSeconds, outputLimitBytes: Self.outputBytes)
        } catch {
            throw RemovalFault("\(name): \(error)")
        }
        guard !output.status.isSuccess else { return }
        throw RemovalFault("\(name) failed (\(output.status)): \(output.said)")
    }
}
