import CoordinatorCore
import CoordinatorService

/// The files that a template renders for a build and its releases.
enum OutputSection {
    static func rows(of build: Build, _ api: APIContext) async throws -> String {
        let outputs: [RenderedOutput]
        do { outputs = try await BuildOutputs(ports: api.ports).outputs(of: build) } catch let fault
            as TemplateFault
        {
            // A missing template must not hide the build.
            return "<h2>Outputs</h2><p class=empty>\(HTML.escape(fault.description))</p>"
        }
        if outputs.isEmpty { return "" }
        let rows = outputs.map { output in
            let place = HTML.escape(OutputRoutes.url(of: output, build))
            return [
                "<a href=\"\(place)\">\(HTML.escape(output.path))</a>",
                HTML.escape(output.environment ?? ""), "\(output.text.utf8.count) bytes",
            ]
        }
        return "<h2>Outputs</h2>" + HTML.table(["file", "environment", "size"], rows, empty: "")
    }
}
