import AgentCore
import BuildProtocol
import Support

/// A file that a build left, and what `aibuild.yml` says of it.
struct LeftFile: Sendable, Hashable {
    var path: String
    var kind: ArtifactKind?
    var isImage = false
}

/// Finds what a build left: what its builder announced, and what `artifacts` and `image` of
/// `aibuild.yml` name. No process of the build runs any more.
struct ArtifactSearch {
    let context: AttemptContext
    private var visited = 0
    private var found: [LeftFile] = []

    init(_ context: AttemptContext) { self.context = context }

    /// - Parameter announced: paths in the attempt's folder.
    /// - Throws: a template fault if a pattern names no file.
    static func find(_ announced: [String], _ context: AttemptContext) throws -> [LeftFile] {
        var search = ArtifactSearch(context)
        for path in announced { search.add(path) }
        let recipe = context.order.start.recipe
        for rule in recipe.artifacts ?? [] {
            try search.find(rule.files, under: "artifacts") { $0.kind = $0.kind ?? rule.kind }
        }
        if let image = recipe.image {
            try search.find(image, under: "image") { $0.isImage = true }
        }
        // A folder is refused, unless it holds what is named.
        return search.found.filter { file in
            Files.kind(file.path) != .folder
                || !search.found.contains { $0.path.hasPrefix(file.path + "/") }
        }
    }

    /// All files in a folder and in its subfolders, sorted by path. What is no file is included,
    /// for the collector to refuse it.
    static func files(in folder: String, _ context: AttemptContext) throws -> [String] {
        guard Files.kind(folder) == .folder else { return [folder] }
        var search = ArtifactSearch(context)
        try search.walk(folder, depth: 0)
        return search.found.map(\.path)
    }

    private mutating func add(_ path: String, _ change: (inout LeftFile) -> Void = { _ in }) {
        let index = found.firstIndex { $0.path == path } ?? found.endIndex
        if index == found.endIndex { found.append(LeftFile(path: path)) }
        change(&found[index])
    }

    private mutating func walk(_ folder: String, depth: Int) throws {
        let names = try list(folder)
        // An empty folder is no file, and is refused as what it is.
        if names.isEmpty, depth > 0 { add(folder) }
        for path in names.map({ "\(folder)/\($0)" }) {
            if Files.kind(path) == .folder, depth < ProtocolLimits.templateDepth {
                try walk(path, depth: depth + 1)
            } else {
                add(path)
            }
        }
    }

    // MARK: Patterns

    private mutating func find(
        _ pattern: FilePattern, under key: String, _ change: (inout LeftFile) -> Void
    ) throws {
        var matches: [String] = []
        for root in roots {
            try match(pattern.segments[...], in: root, &matches, depth: 0)
        }
        for path in matches { add(path, change) }
        guard matches.isEmpty else { return }
        let left = found.prefix(5).map { Names.quoted(Files.name(of: $0.path)) }
        throw Fault(
            .template, .noImage,
            "`\(key)` of aibuild.yml names \(Names.quoted(pattern.text)), and the build left no "
                + "such file in its output folder or in the template's"
                + (left.isEmpty ? "" : "; it left \(left.joined(separator: ", "))"))
    }

    /// Where patterns start.
    private var roots: [String] {
        [context.folder.packerOutput, context.folder.output, context.folder.work].filter {
            Files.kind($0) == .folder
        }
    }

    private mutating func match(
        _ segments: ArraySlice<FilePattern.Segment>, in folder: String,
        _ matches: inout [String], depth: Int
    ) throws {
        guard let segment = segments.first, depth <= ProtocolLimits.templateDepth else { return }
        let rest = segments.dropFirst()
        let names: [String]
        switch segment {
        case .name(let name): names = Files.exists("\(folder)/\(name)") ? [name] : []
        case .anyFolders:
            try match(rest, in: folder, &matches, depth: depth)
            names = try list(folder).filter(segment.matches)
        case .wildcards: names = try list(folder).filter(segment.matches)
        }
        for path in names.map({ "\(folder)/\($0)" }) {
            let isFolder = Files.kind(path) == .folder
            if segment == .anyFolders {
                if isFolder { try match(segments, in: path, &matches, depth: depth + 1) }
            } else if isFolder {
                try match(rest, in: path, &matches, depth: depth + 1)
            } else if rest.isEmpty, !matches.contains(path) {
                matches.append(path)
            }
        }
    }

    /// Bounded, because a pattern may visit a folder many times.
    private mutating func list(_ folder: String) throws -> [String] {
        try context.checkpoint()
        let names = try Files.list(folder).sorted()
        visited += names.count
        guard visited <= AgentLimits.searchedFiles else {
            throw Fault(
                .template, .templateInvalid,
                "more than \(AgentLimits.searchedFiles) files had to be searched for what the "
                    + "build left: use patterns with fewer `**`, and leave fewer files in the "
                    + "output folder")
        }
        return names
    }
}
