public import CoordinatorCore
import Support

/// The folder with the packages of the agent: one for each architecture.
public struct AgentPackageFolder: Sendable {
    private let folder: String

    /// Where the Debian package of the coordinator has them.
    public static let defaultPath = "/usr/share/aibuild/agent"

    public init(_ folder: String) { self.folder = folder }

    /// Sorted by architecture; none if there is no folder.
    /// - Throws: `Failure`, `SystemError`
    public func packages() async throws -> [AgentPackage] {
        try await OwnThread.run { [folder] in
            guard Files.exists(folder) else { return [] }
            var found: [AgentPackage] = []
            for name in try Files.list(folder) {
                let path = "\(folder)/\(name)"
                guard let (version, architecture) = AgentPackage.parts(of: name),
                    Files.kind(path) == .file
                else { continue }
                if let other = found.first(where: { $0.architecture == architecture }) {
                    throw Failure(
                        "\(folder) has two agent packages for \(architecture), \(other.name) and "
                            + "\(name): remove the one that hosts are not to get")
                }
                found.append(
                    AgentPackage(
                        name: name, path: path, version: version, architecture: architecture,
                        sizeBytes: Files.sizeBytes(path) ?? 0, sha256: try SHA256.file(path)))
            }
            return found.sorted { $0.architecture < $1.architecture }
        }
    }
}
