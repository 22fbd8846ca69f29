import BuildProtocol
package import CoordinatorCore
import TextKit
package import YAMLKit

/// What one `aibuild.yml` describes: one image, or several by the names of their guest OSes.
package enum TemplateSet<Image: Sendable>: Sendable {
    case one(Image)
    case several([String: Image])

    package func map<T, E: Error>(
        _ transform: (Image) throws(E) -> T
    ) throws(E) -> TemplateSet<T> {
        switch self {
        case .one(let image): return .one(try transform(image))
        case .several(let images):
            var mapped: [String: T] = [:]
            for (name, image) in images { mapped[name] = try transform(image) }
            return .several(mapped)
        }
    }

    /// By name; without one if there is only one image.
    package var all: [(name: String?, image: Image)] {
        switch self {
        case .one(let image): [(nil, image)]
        case .several(let images):
            images.sorted { $0.key < $1.key }.map { (name: $0.key, image: $0.value) }
        }
    }

    /// - Throws: `TemplateFault` that names those that there are.
    package func image(ofGuestOS name: String) throws(TemplateFault) -> Image {
        switch self {
        case .one(let image): return image
        case .several(let images):
            if let image = images[name] { return image }
            let names = images.keys.sorted()
            throw TemplateFault(
                "aibuild.yml has no image for the guest OS \(Names.quoted(name)): under images: "
                    + "there are " + names.prefix(20).joined(separator: ", ")
                    + (names.count > 20 ? " …" : "")
                    + (Suggestion.hint(for: name, in: names) ?? ""))
        }
    }
}

extension TemplateSet<TemplateFile> {
    /// Enough for every version of every distribution; each is read at once.
    private static let images = 256

    /// - Parameter file: for messages.
    /// - Throws: `YAMLError`
    package init(_ bytes: [UInt8], file: String) throws(YAMLError) {
        try self.init(YAMLDocument.parse(bytes, file: file), file: file)
    }

    /// What is wrong with a file. After each mistake it is read once more without the entry that
    /// has it, so that most of them are found at once.
    package static func mistakes(_ bytes: [UInt8], file: String) -> [YAMLError] {
        var found: [YAMLError] = []
        do throws(YAMLError) {
            var document = try YAMLDocument.parse(bytes, file: file)
            while found.count < mistakes {
                do throws(YAMLError) {
                    _ = try Self(document, file: file)
                    return found
                } catch {
                    // What is missing now may be what was left out.
                    let isFollowing =
                        error.isMissing && !found.isEmpty
                        || found.contains { $0.key.hasPrefix(error.key + ".") }
                        || found.contains { ($0.line, $0.column) == (error.line, error.column) }
                    if isFollowing { return found }
                    found.append(error)
                    let rest = document.without(
                        line: error.line, column: error.column, renaming: error.suggestion)
                    guard let rest else { return found }
                    document = rest
                }
            }
        } catch { found.append(error) }
        return found
    }

    /// Enough to work on before the next look.
    private static let mistakes = 20

    private init(_ document: YAMLNode, file: String) throws(YAMLError) {
        let root = try YAMLMapping(document, file: file)
        try root.check(keys: TemplateKeys.document.names)
        guard let given = try root.takeIfPresent(TemplateKeys.images) else {
            guard !root.keys.contains(TemplateKeys.images.name) else {
                throw root.error(TemplateKeys.images, "expected the names of guest OSes")
            }
            self = .one(try TemplateFile(root))
            return
        }
        guard (1...Self.images).contains(given.count) else {
            throw root.error(
                TemplateKeys.images, "expected 1 to \(Self.images) images, each by its guest OS")
        }
        var images: [String: TemplateFile] = [:]
        for (name, image) in given.sorted(by: { $0.key < $1.key }) {
            if let problem = Names.registeredProblem(name, what: "guest OS") {
                throw root.error(TemplateKeys.images, problem)
            }
            // Defaults of another builder than the image's own are not for it.
            let foreign: Set<String> =
                switch try image.takeIfPresent(TemplateKeys.builder) {
                case .packer?: TemplateKeys.ofCommands
                case .command?: TemplateKeys.ofPacker
                case nil: []
                }
            images[name] = try TemplateFile(
                image.completed(
                    by: root, uniting: TemplateKeys.united,
                    without: foreign.union([TemplateKeys.images.name])))
        }
        self = .several(images)
    }

    /// What else of the Git repository belongs to the template, for any of the images.
    package var include: [String] { Set(all.flatMap(\.image.include)).sorted() }

    package var hasSubmodules: Bool { all.contains(where: \.image.hasSubmodules) }
    package var hasLFS: Bool { all.contains(where: \.image.hasLFS) }
}
