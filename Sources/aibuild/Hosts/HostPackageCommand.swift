import ArgumentKit
import Support
import TextKit

/// `aibuild host package`: the agent's package, for machines that are set up by hand.
enum HostPackageCommand {
    private struct Downloaded: Encodable {
        var file, version, architecture, sha256: String
        var sizeBytes: Int64
    }

    /// What `uname -m` calls those that Debian calls otherwise.
    private static let debianNames = [
        "x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "ppc64le": "ppc64el",
    ]

    static let command = Command(
        name: "host package", summary: "Download the coordinator's package of the agent",
        operands: ["ARCHITECTURE"],
        options: [
            CommandOption(
                "output", value: "FILE", "where to write it; if not given, here under its own name")
        ],
        details: [
            "For a machine that is set up by hand: host add --print. ARCHITECTURE is what",
            "dpkg --print-architecture says there, or uname -m. The SHA-256 is verified; a file",
            "that is there is replaced.",
        ],
        examples: [
            "aibuild host package amd64", "aibuild host package aarch64 --output agent.deb",
        ],
        run: { context in
            let asked = context.arguments.operands[0]
            let architecture = debianNames[asked] ?? asked
            let setup = try await HostSetupAnswer.fetch(context.api, needsKey: false)
            guard let package = setup.packages.first(where: { $0.architecture == architecture })
            else {
                throw CommandError(
                    .notFound,
                    "The coordinator has no agent package for \(SafeText.line(asked)), only for "
                        + setup.packages.map(\.architecture).joined(separator: ", ")
                        + ". Put one into its folder of packages (agent_packages in "
                        + "coordinator.yml)")
            }
            let bytes = try await package.download(context.api)
            let path = context.arguments["output"] ?? package.name
            do throws(SystemError) { try Files.replace(path, with: bytes) } catch {
                throw CommandError(.usage, error)
            }
            let done = Downloaded(
                file: path, version: package.version, architecture: architecture,
                sha256: package.sha256, sizeBytes: Int64(bytes.count))
            return context.show(
                try CanonicalJSON.encode(done),
                "Wrote \(SafeText.line(path)): \(Format.bytes(done.sizeBytes)), SHA-256 "
                    + package.sha256)
        })
}

extension HostSetupAnswer.Package {
    /// - Throws: also if it is not what the coordinator says.
    func download(_ api: APIClient) async throws -> [UInt8] {
        let bytes = try await api.get(
            "/api/v1/host-setup/packages/\(APIClient.segment(architecture))")
        guard SHA256.hex(bytes) == sha256 else {
            throw CommandError(
                .refused,
                "The package \(name) arrived damaged: its SHA-256 is not what the coordinator "
                    + "says. Nothing was changed. Run this again")
        }
        return bytes
    }
}
