/// A declaration of `artifacts:` in `aibuild.yml`: files that a build leaves, and what they are.
public struct ArtifactRule: Sendable, Hashable, Codable {
    public var files: FilePattern
    public var kind: ArtifactKind

    public init(files: FilePattern, kind: ArtifactKind) {
        self.files = files
        self.kind = kind
    }
}

/// What a declared file is.
public enum ArtifactKind: String, Sendable, Hashable, CaseIterable {
    /// A disk image, by its bytes.
    case disk
    /// Compressed, or a file of files.
    case archive
    /// A Vagrant box.
    case box
    case other
    /// A file that lists what was made elsewhere (`RemoteImageList`).
    case remote
}

extension ArtifactKind: Codable {
    /// A value of a newer side says nothing here.
    public init(from decoder: any Decoder) throws {
        let word = try decoder.singleValueContainer().decode(String.self)
        self = ArtifactKind(rawValue: word) ?? .other
    }
}

extension BuildRecipe {
    /// Whether `aibuild.yml` says what the build leaves.
    public var namesArtifacts: Bool { artifacts != nil || image != nil }

    /// What is wrong with what a build left, if it left anything; for the author of its template.
    public func problem(of artifacts: [Artifact]) -> String? {
        guard !artifacts.isEmpty else { return nil }
        if let named = artifacts.first(where: { $0.isImage == true }) {
            guard !named.isProduct else { return nil }
            return "left \(Names.quoted(named.name)) as its image, which is no disk image: "
                + "declare what it is under `artifacts` in aibuild.yml"
        }
        if artifacts.contains(where: \.isProduct) { return nil }
        let names = artifacts.prefix(5).map { Names.quoted($0.name) }.joined(separator: ", ")
        let others = artifacts.count > 5 ? " and \(artifacts.count - 5) others" : ""
        return "left no disk image, only \(names)\(others). If a post-processor such as compress "
            + "or vagrant removed the image, set `keep_input_artifact: true` there. To publish "
            + "what is left, declare it in aibuild.yml, such as "
            + "`artifacts: [{\(example(for: artifacts))}]`"
    }

    /// An example that fits: what compresses or packs a disk comes first.
    private func example(for artifacts: [Artifact]) -> String {
        let suffixes = [".gz", ".xz", ".zst", ".box", ".zip", ".tar"]
        let found = suffixes.first { suffix in
            artifacts.contains { $0.name.hasSuffix(suffix) }
        }
        guard let found else { return "files: \"\(artifacts[0].name)\", kind: other" }
        return "files: \"*\(found)\", kind: \(found == ".box" ? "box" : "archive")"
    }
}

extension Artifact {
    /// Whether it can be what the build was for: a disk image, or something else that was declared.
    public var isProduct: Bool {
        format.isDiskImage || kind.map { $0 != .disk } ?? false
    }
}
