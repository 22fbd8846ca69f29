import BuildProtocol
import CoordinatorCore
import ProcessKit
import Support
import TextKit

/// A program of the operator that decides whether an image may take its name in an environment, for
/// example by booting it there. Its input, including secrets, is in its environment, never in its
/// arguments.
struct ReleaseHook: Sendable {
    /// The folder of these programs. Only the operator can add one: a user who may register an
    /// environment can name one of them, and nothing else.
    let folder: String?

    /// Long enough to boot a large guest on a slow cloud.
    private static let timeoutSeconds = 60 * 60
    private static let outputBytes = 4 << 20

    func check(_ name: String?) throws {
        guard let name else { return }
        _ = try path(name)
    }

    /// - Throws: `ReleaseFault`, permanent if the program refuses the image.
    func run(
        _ name: String?, _ order: ReleaseOrder, image: String, cloud: [String: String],
        _ steps: any ReleaseSteps
    ) async throws {
        guard let name else { return }
        let path = try path(name)
        await steps.progress("hook \(name)", doneBytes: 0, totalBytes: 0)
        let words = [
            "AIBUILD_IMAGE_ID": image, "AIBUILD_ENVIRONMENT": order.environment.name,
            "AIBUILD_GUESTOS": order.build.guestOS, "AIBUILD_BUILD": order.build.id,
            "AIBUILD_BUILD_NUMBER": "\(order.build.number)",
            "AIBUILD_IMAGE_NAME": order.image.name, "AIBUILD_RELEASE": order.release,
        ]
        let output = try await Command(
            [path],
            environment: Command.minimalEnvironment.merging(cloud) { $1 }.merging(words) { $1 }
        ).run(timeoutSeconds: Self.timeoutSeconds, outputLimitBytes: Self.outputBytes)
        guard !output.status.isSuccess else { return }
        throw ReleaseFault(
            .rejected, "the hook \(name) refuses the image (\(output.status)): \(output.said)")
    }

    private func path(_ name: String) throws -> String {
        guard let folder else {
            throw ReleaseFault(
                .rejected,
                "the environment names the hook \(Names.quoted(name)), and hooks_folder is not set "
                    + "in the coordinator's configuration")
        }
        guard Names.isFileName(name), Files.exists("\(folder)/\(name)") else {
            let there = ((try? Files.list(folder)) ?? []).sorted().joined(separator: ", ")
            throw ReleaseFault(
                .rejected, "there is no hook \(Names.quoted(name)) in \(folder); there is: \(there)"
            )
        }
        return "\(folder)/\(name)"
    }
}
