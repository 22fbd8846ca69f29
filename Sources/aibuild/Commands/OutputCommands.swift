import ArgumentKit

/// `aibuild outputs`
enum OutputCommands {
    static let all = [outputs]

    private struct OutputAnswer: Decodable {
        var path: String
        var environment: String?
        var sizeBytes: Int64
    }

    private static let outputs = Command(
        name: "outputs",
        summary: "List the files that a template renders for a build and its releases",
        operands: ["BUILD"],
        options: [CommandOption("print", value: "PATH", "print this file")],
        details: ["They are rendered from output/*.j2 of the template: docs/templates.md."],
        examples: [
            "aibuild outputs debian12:7", "aibuild outputs debian12:7 --print lab/stack.yml",
        ],
        run: { context in
            let build = APIClient.build(context.arguments.operands[0])
            if let path = context.arguments["print"] {
                let segments = path.split(separator: "/").map { APIClient.segment(String($0)) }
                let body = try await context.api.get(
                    "\(build)/outputs/\(segments.joined(separator: "/"))")
                context.console.out(String(decoding: body, as: UTF8.self))
                return .ok
            }
            let body = try await context.api.get("\(build)/outputs")
            return try context.show(body, as: Page<OutputAnswer>.self) { page in
                var table = Table("OUTPUT", "ENVIRONMENT", "SIZE")
                for item in page.items {
                    table.add(
                        .init(item.path, .bold), .init(item.environment ?? "-"),
                        .init(Format.bytes(item.sizeBytes)))
                }
                context.print(
                    table, orElse: "No outputs. The template has none, or they need a release first"
                )
            }
        })
}
