import Glibc

/// The files below a folder, and the space that they take on its disk.
public struct DiskUsage: Sendable, Hashable {
    public private(set) var files = 0
    public private(set) var bytes: Int64 = 0

    /// Deeper folders are not measured: nothing that is measured has them, and a loop of mounts has
    /// no end.
    private static let depth = 64

    /// Blocks. Links are not followed; what vanishes meanwhile does not count.
    public init(of folder: String) { add(folder, depth: 0) }

    private mutating func add(_ folder: String, depth: Int) {
        guard depth < Self.depth, let names = try? Files.list(folder) else { return }
        for name in names {
            let path = "\(folder)/\(name)"
            var info = stat()
            guard lstat(path, &info) == 0 else { continue }
            bytes &+= Int64(info.st_blocks) &* 512
            if info.st_mode & S_IFMT == S_IFDIR {
                add(path, depth: depth + 1)
            } else {
                files += 1
            }
        }
    }
}
