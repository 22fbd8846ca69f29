import Support
import TestSupport

/// Pieces of build scripts.
enum Scripts {
    /// Writes an image of this many zero bytes.
    static func image(_ sizeBytes: Int = 65_536) -> String {
        "head -c \(sizeBytes) /dev/zero > \"$AIBUILD_OUTPUT/disk.raw\""
    }

    /// The build waits here until the test calls `farm.open(name)`.
    static func gate(_ farm: Farm, _ name: String) -> String {
        "while [ ! -e \(farm.shared)/go-\(name) ]; do sleep 0.05; done"
    }
}

extension Farm {
    /// Runs this many builds of the guest OS `debian`, one after the other, each with a small
    /// image.
    func imageBuilds(_ count: Int) async throws -> [FarmBuild] {
        try await script("debian", Scripts.image())
        var builds: [FarmBuild] = []
        for _ in 0..<count { builds.append(try await api.end(of: try await api.submit("debian"))) }
        return builds
    }

    /// A build that is about to be pulled, or being pulled, for a while.
    func pulledBuild() async throws -> FarmBuild {
        try await script(
            "debian", Scripts.image(300_000_000),
            yaml: "requirements: {memory: 64MiB, disk: 300MiB}\n")
        let build = try await api.submit("debian")
        _ = try await api.wait(build, for: "pulled") {
            ["collecting", "publishing"].contains($0.state)
        }
        return build
    }

    func open(_ name: String) throws { try Files.replace("\(shared)/go-\(name)", with: []) }
}
