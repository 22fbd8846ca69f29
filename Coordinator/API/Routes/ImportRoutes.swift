import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// Registration by spreadsheet.
enum ImportRoutes {
    private static let workbook =
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on(
            "POST", "/api/v1/import", query: ["name", "sheet", "dry_run"]
        ) { request, _ in
            // A form on another site cannot send this type.
            guard request.headers["Content-Type"] == "application/octet-stream" else {
                throw Problem.unsupportedType(
                    "The body is not declared as a file",
                    remedy: "Send the file itself, as Content-Type: application/octet-stream")
            }
            do {
                let report = try await api.leader().sheets.run(
                    request.body, name: String((request.query["name"] ?? "file").prefix(255)),
                    only: try sheet(request), isDryRun: try flag(request, "dry_run"),
                    by: api.actor(request))
                return try .json(ImportView(report))
            } catch let refusal as ImportRefusal {
                return try ImportProblemView(refusal).response
            }
        }
        router.on("GET", "/api/v1/export", query: ["empty"]) { request, _ in
            let isEmpty = try flag(request, "empty")
            let name = isEmpty ? "aibuild-template.xlsx" : "aibuild.xlsx"
            return HTTPResponse(
                headers: [
                    "Content-Type": workbook, "Cache-Control": "no-store",
                    "Content-Disposition": "attachment; filename=\"\(name)\"",
                ],
                body: .bytes(try await SheetExport(ports: api.ports).write(isEmpty: isEmpty)))
        }
    }

    private static func sheet(_ request: HTTPRequest) throws -> ImportSheet? {
        guard let name = request.query["sheet"] else { return nil }
        guard let sheet = ImportSheet(named: name) else {
            let known = ImportSheet.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.badRequest(
                "Unknown sheet: '\(name.prefix(50))'", remedy: "Use one of \(known)")
        }
        return sheet
    }

    private static func flag(_ request: HTTPRequest, _ name: String) throws -> Bool {
        switch request.query[name] {
        case nil, "false": return false
        case "true", "": return true
        default:
            throw Problem.badRequest(
                "Invalid value of \(name)", remedy: "Use true or false")
        }
    }
}
