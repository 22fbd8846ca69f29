import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support
import TextKit

/// The web root, read only. Hidden files are still arriving and never served.
enum ImageRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/images/{path...}") { request, _ in
            let path = request.path
            guard !request.segments.contains(where: isHidden) else {
                throw notFound(path)
            }
            let file = api.webRootFolder + path
            switch Files.kind(file) {
            case .file:
                return .file(
                    file, sizeBytes: Files.sizeBytes(file) ?? 0, type: type(of: path),
                    version: version(of: file), for: request)
            case .folder:
                return api.page(Page(title: path, body: try listing(path, file)), request)
            default: throw try await Gone.problem(path, api) ?? notFound(path)
            }
        }
    }

    /// An image never changes under its name, so size and time identify its content; `SHA256SUMS`
    /// does.
    private static func version(of file: String) -> FileVersion {
        let modified = Files.modifiedNanoseconds(file) ?? 0
        let seconds = modified / 1_000_000_000
        return FileVersion(
            tag: EntityTag("\(Files.sizeBytes(file) ?? 0)-\(modified)"), modifiedSeconds: seconds,
            isSettled: Clocks.unixMilliseconds() / 1000 > seconds + settledSeconds)
    }

    /// Two changes within one second cannot be told apart by `Last-Modified`.
    private static let settledSeconds: Int64 = 1

    private static func isHidden(_ name: String) -> Bool {
        name.utf8.first == UInt8(ascii: ".")
    }

    private static func notFound(_ path: String) -> Problem {
        .notFound("There is nothing at \(path.prefix(200))", remedy: "See /images/build/")
    }

    private static func type(of path: String) -> String {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
        return switch name.split(separator: UInt8(ascii: ".")).last.map({ Substring($0) }) {
        case "json": "application/json"
        case "ndjson": "application/x-ndjson"
        case "SHA256SUMS": "text/plain; charset=utf-8"
        default: "application/octet-stream"
        }
    }

    private static func listing(_ path: String, _ folder: String) throws -> Markup {
        let base = path.utf8.last == UInt8(ascii: "/") ? path : path + "/"
        let rows = try Files.list(folder).filter { !isHidden($0) }.map { name -> [Markup] in
            let isFolder = Files.kind(folder + "/" + name) == .folder
            let link = base + PercentCoding.encode(name) + (isFolder ? "/" : "")
            let size = isFolder ? "" : String(Files.sizeBytes(folder + "/" + name) ?? 0)
            return ["<a href=\"\(link)\">\(name)</a>", "\(size)"]
        }
        return "<h1>\(path)</h1>" + HTML.table(["name", "bytes"], rows, empty: "Nothing is here.")
    }
}
