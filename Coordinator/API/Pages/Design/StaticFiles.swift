import HTTPTypes
import Support

/// The style sheets and scripts of the pages, embedded from `Assets/` at build time: plain files,
/// no build step, no inline script anywhere.
///
/// The address of each has the digest of what is in it. A browser keeps it for good, and an upgrade
/// never mixes the page of one version with the script of another.
enum StaticFile: String, CaseIterable, Sendable {
    case style = "style.css"
    case page = "page.js"
    case build = "build.js"
    case log = "log.css"
    case logRow = "log-row.js"
    case logWindow = "log-window.js"
    case logViewer = "log.js"

    var bytes: [UInt8] {
        switch self {
        case .style: PackageResources.style_css
        case .page: PackageResources.page_js
        case .build: PackageResources.build_js
        case .log: PackageResources.log_css
        case .logRow: PackageResources.log_row_js
        case .logWindow: PackageResources.log_window_js
        case .logViewer: PackageResources.log_js
        }
    }

    private var type: String {
        rawValue.hasSuffix(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8"
    }

    /// Path below the coordinator's address.
    var path: String { "/static/" + Self.names[self, default: rawValue] }

    private static let names = Dictionary(
        uniqueKeysWithValues: allCases.map { file in
            let parts = file.rawValue.split(separator: ".", maxSplits: 1)
            return (file, "\(parts[0]).\(SHA256.hex(file.bytes).prefix(12)).\(parts[1])")
        })
    private static let files = Dictionary(
        uniqueKeysWithValues: names.map { ($0.value, $0.key) })

    /// - Parameter name: the last part of `path`.
    static func response(_ name: String) throws -> HTTPResponse {
        guard let file = files[name] else {
            throw Problem.notFound(
                "There is no /static/\(name.prefix(80))",
                remedy: "Reload the page: it is of another version of aibuild")
        }
        return HTTPResponse(
            headers: [
                "Content-Type": file.type,
                "Cache-Control": "public, max-age=31536000, immutable",
            ], body: .bytes(file.bytes))
    }
}
