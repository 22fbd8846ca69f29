import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// The files that a template renders for a build and its releases.
enum OutputRoutes {
    private struct OutputView: Encodable {
        var path, name, url: String
        var environment: String?
        var sizeBytes: Int
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/builds/{id}/outputs") { _, path in
            let build = try await api.build(path["id"])
            let outputs = try await BuildOutputs(ports: api.ports).outputs(of: build)
            return try .json(
                ListView(
                    items: outputs.map { output in
                        OutputView(
                            path: output.path, name: output.name,
                            url: url(of: output, build),
                            environment: output.environment, sizeBytes: output.text.utf8.count)
                    }))
        }
        router.on("GET", "/api/v1/builds/{id}/outputs/{path...}") { _, path in
            let build = try await api.build(path["id"])
            let outputs = try await BuildOutputs(ports: api.ports).outputs(of: build)
            guard let output = outputs.first(where: { $0.path == path["path"] }) else {
                let there = outputs.map(\.path).joined(separator: ", ")
                throw Problem.notFound(
                    "Build \(build.guestOS):\(build.number) has no output "
                        + Names.quoted(path["path"]),
                    remedy: there.isEmpty
                        ? "Outputs are rendered from output/*.j2 of the template after the build"
                        : "Its outputs: \(there)")
            }
            return .text(output.text, type: "text/plain; charset=utf-8")
        }
    }

    /// File names come from the template and may contain what a URL may not.
    static func url(of output: RenderedOutput, _ build: Build) -> String {
        let path = output.path.split(separator: "/").map { PercentCoding.encode(String($0)) }
        return "/api/v1/builds/\(build.id)/outputs/" + path.joined(separator: "/")
    }
}
