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

    func open(_ name: String) throws { try Files.replace("\(shared)/go-\(name)", with: []) }
}
