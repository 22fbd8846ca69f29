import BuildProtocol
package import CoordinatorCore
import TextKit

/// An entry of `include:`.
package enum IncludedPath {
    /// The path from the root of the repository; `nil` if it leads out of it.
    package static func resolved(_ include: String, in folder: String) -> String? {
        let isRelative = include.hasPrefix("./") || include.hasPrefix("../")
        var segments = isRelative ? folder.pathSegments.filter { !$0.isEmpty } : []
        for segment in include.pathSegments where !segment.isEmpty && segment != "." {
            if segment == ".." {
                guard segments.popLast() != nil else { return nil }
            } else {
                segments.append(segment)
            }
        }
        return segments.isEmpty ? nil : segments.joined(separator: "/")
    }

    package static func outside(_ include: String, in file: String) -> TemplateFault {
        TemplateFault(
            "\(file): include has \(Names.quoted(include)), which leads out of the repository")
    }
}
