import BuildProtocol
package import CoordinatorCore
import Support
import TextKit

/// The templates under `output/` of a template, which are rendered with the results of its builds:
/// those directly there for every guest OS, and those in a folder for the one of its name.
package struct TemplateOutputs: Sendable {
    private static let folder = "output/"
    private static let suffix = ".j2"
    /// Enough for a stack file or two for each of many images; they are held in memory together.
    private static let count = 256
    private static let bytes = 256 << 10

    private struct Output: Sendable {
        /// `nil`: for all.
        let guestOS: String?
        let name: String
        let template: OutputTemplate
    }

    private var outputs: [Output] = []
    /// Of all of them together.
    package private(set) var bytes = 0

    /// Blocks.
    /// - Throws: `TemplateFault` with file, line and column.
    package init(_ archive: TemplateFiles) throws {
        let paths = try archive.names { path in
            path.hasPrefix(Self.folder)
                && Self.isTemplate(path.dropFirst(Self.folder.count).pathSegments)
        }.sorted()
        guard paths.count <= Self.count else {
            throw TemplateFault(
                "\(Self.folder) has \(paths.count) templates; at most \(Self.count) are allowed")
        }
        for path in paths {
            let content = try archive.content(of: path, limitBytes: Self.bytes) ?? []
            guard content.count <= Self.bytes,
                let text = String(validating: content, as: UTF8.self)
            else {
                throw TemplateFault(
                    "\(path) cannot be used: it must be UTF-8 and have at most "
                        + "\(Self.bytes) bytes")
            }
            let segments = path.dropFirst(Self.folder.count).pathSegments
            outputs.append(
                Output(
                    guestOS: segments.count > 1 ? segments.first.map(String.init) : nil,
                    name: String(segments.last?.dropLast(Self.suffix.count) ?? ""),
                    template: try OutputTemplate(text, file: path)))
            bytes += content.count
        }
    }

    /// Whether the path under `output/` is that of a template: `NAME.j2` or `GUESTOS/NAME.j2`.
    static func isTemplate(_ segments: [Substring]) -> Bool {
        guard let name = segments.last, segments.count <= 2 else { return false }
        return name.hasSuffix(suffix) && segments.allSatisfy { Names.isFileName(String($0)) }
    }

    package var templates: [OutputTemplate] { outputs.map(\.template) }

    /// Those that have files of their own.
    package var guestOSes: [String] { Set(outputs.compactMap(\.guestOS)).sorted() }

    /// By the names of the rendered files, without `.j2`. A guest OS's own replaces the one for all.
    package func files(for guestOS: String) -> [(name: String, template: OutputTemplate)] {
        var found: [String: OutputTemplate] = [:]
        for output in outputs where output.guestOS == nil { found[output.name] = output.template }
        for output in outputs where output.guestOS == guestOS {
            found[output.name] = output.template
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
