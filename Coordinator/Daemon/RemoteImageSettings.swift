import CoordinatorAdapters
import Glibc
import Support
import YAMLKit

/// `remote_images:` in coordinator.yml: how what builds made in clouds and registries is removed.
enum RemoteImageSettings {
    private static let timeoutSeconds = 1...3600

    /// `nil` if the operator has not said how.
    static func remover(of root: YAMLMapping) throws -> RemovalProgram? {
        guard let yaml = try root.takeIfPresent("remote_images", .mapping) else { return nil }
        let command = try yaml.take("remove", .list(of: .string))
        guard command.first?.utf8.first == UInt8(ascii: "/") else {
            throw yaml.error(
                "remove",
                "expected a list that begins with an absolute path, such as "
                    + "[/etc/aibuild/remove-image]")
        }
        guard let program = command.first, Files.kind(program) == .file,
            access(program, X_OK) == 0
        else {
            throw yaml.error(
                "remove", "there is no such program, or this user may not run it")
        }
        let timeout = try yaml.take("timeout", .durationSeconds, default: 600)
        guard timeoutSeconds.contains(timeout) else {
            throw yaml.error("timeout", "expected 1s to 1h")
        }
        return RemovalProgram(command, timeoutSeconds: timeout)
    }
}
