import TextKit

/// Names for the files of a build, which are published in one folder.
public enum ArtifactNames {
    /// Of each file its own name, and of those that share one also the folders before it:
    /// `bios-disk.img` and `uefi-disk.img`.
    ///
    /// - Parameters:
    ///   - paths: below `root`.
    ///   - outdir: the name of the folder that templates add to: `packer-bios` is `bios`.
    public static func of(_ paths: [String], below root: String, outdir: String) -> [String] {
        let segments = paths.map { path in
            path.dropPrefix(root + "/").pathSegments.dropLast().map {
                String($0).dropPrefix(outdir + "-")
            } + [path.pathSegments.last.map(String.init) ?? path]
        }
        var lengths = Array(repeating: 1, count: paths.count)
        while true {
            let names = zip(segments, lengths).map { $0.suffix($1).joined(separator: "-") }
            let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
            let shared = names.indices.filter { index in
                counts[names[index], default: 0] > 1 && lengths[index] < segments[index].count
            }
            if shared.isEmpty { return names }
            for index in shared { lengths[index] += 1 }
        }
    }
}

extension String {
    fileprivate func dropPrefix(_ prefix: String) -> String {
        utf8.starts(with: prefix.utf8) ? String(Substring(utf8.dropFirst(prefix.utf8.count))) : self
    }
}
