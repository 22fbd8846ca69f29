import ArgumentKit
import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import Support
import Templates
import TextKit

/// `aibuild check`
enum CheckCommand {
    static let check = Command(
        name: "check", summary: "Check the template in a folder, without a coordinator",
        operands: ["DIR..."],
        options: [
            CommandOption(
                "var", value: "NAME=VALUE", "variable that the guest OS sets", repeats: true),
            CommandOption("no-packer", "do not run packer validate"),
            CommandOption("schema", "print the JSON Schema of aibuild.yml, for editors"),
        ],
        details: [
            "Reads aibuild.yml, the Packer template, the tests and output/ as a coordinator does",
            "when a build is submitted, and runs packer validate if Packer is installed here.",
            "Without DIR, the current folder is checked. In a Git repository, files that Git",
            "ignores are left out. Problems go to standard output, as file:line:column: problem.",
        ],
        examples: ["aibuild check", "aibuild check templates/debian12", "aibuild check --json"],
        run: { context in
            if context.arguments.has("schema") {
                context.printJSON(TemplateKeys.schema)
                return .ok
            }
            let variables = try context.arguments.variables(over: [:])
            let folders = context.arguments.operands.isEmpty ? ["."] : context.arguments.operands
            var reports: [CheckReport] = []
            for folder in folders {
                let check = TemplateFolderCheck(
                    folder: folder, variables: variables,
                    usesPacker: !context.arguments.has("no-packer"))
                let report = try await check.run()
                reports.append(report)
                if !context.wantsJSON { show(report, context) }
            }
            if context.wantsJSON { context.printJSON(try CanonicalJSON.encode(reports)) }
            return reports.allSatisfy(\.ok) ? .ok : .buildFailed
        })

    private static func show(_ report: CheckReport, _ context: CommandContext) {
        for problem in report.problems {
            context.console.out(SafeText.lines(problem.shown) + "\n")
        }
        for note in report.notes { context.console.err(SafeText.line(note) + "\n") }
        guard report.ok else { return }
        let images = report.images.isEmpty ? "" : " (\(report.images.joined(separator: ", ")))"
        context.console.out(
            SafeText.line("\(report.folder): the template is sound\(images)") + "\n")
    }
}

/// What `aibuild check --json` prints for each folder.
struct CheckReport: Encodable {
    struct Problem: Encodable, Hashable {
        /// As the folder was given, with the file's path in it.
        var file: String?
        var line: Int?
        var column: Int?
        /// The image of `images:`; `nil` if it concerns all, or there is only one.
        var image: String?
        var message: String

        /// - Parameter text: a message that begins with its place, if it has one.
        init(_ text: String, folder: String, image: String?) {
            self.image = image
            guard
                let match = text.wholeMatch(
                    of: #/([^\n:]+):(\d+):(\d+): (.*)/#.dotMatchesNewlines())
            else {
                message = text
                return
            }
            let path = String(match.1)
            file = folder == "." || path.isAbsolutePath ? path : "\(folder)/\(path)"
            line = Int(match.2)
            column = Int(match.3)
            message = String(match.4)
        }

        var shown: String {
            let about = image.map { "image \($0): " } ?? ""
            guard let file, let line, let column else { return about + message }
            return "\(file):\(line):\(column): \(about)\(message)"
        }
    }

    var folder: String
    var ok: Bool { problems.isEmpty }
    var images: [String] = []
    var problems: [Problem] = []
    /// What was not looked at, and why.
    var notes: [String] = []

    private enum CodingKeys: CodingKey { case folder, ok, images, problems, notes }

    init(folder: String) { self.folder = folder }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(folder, forKey: .folder)
        try container.encode(ok, forKey: .ok)
        try container.encode(images, forKey: .images)
        try container.encode(problems, forKey: .problems)
        try container.encode(notes, forKey: .notes)
    }
}
