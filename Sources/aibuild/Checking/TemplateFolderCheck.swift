import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import Support
import Templates
import TextKit
import YAMLKit

/// Looks at the template in one folder.
struct TemplateFolderCheck {
    /// As the user gave it.
    let folder: String
    let variables: [String: String]
    let usesPacker: Bool

    private var path: String {
        let given =
            folder.isAbsolutePath
            ? folder : FileManager.default.currentDirectoryPath + "/" + folder
        return Links.resolved(given) ?? given
    }

    /// - Throws: what is no fault of the template.
    func run() async throws -> CheckReport {
        var report = CheckReport(folder: folder)
        let temporary = try Files.makeTemporaryFolder(
            "aibuild-check", in: ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp")
        defer { try? Files.remove(temporary) }
        let mistakes = mistakes
        for mistake in mistakes { report.add(mistake.description, nil) }
        guard mistakes.isEmpty else { return report }
        let template: LocalTemplate
        do {
            template = try await LocalTemplate(folder: path, temporary: temporary)
        } catch let fault as TemplateFault {
            report.add(fault.description, nil)
            return report
        }
        report.images = template.images.all.compactMap(\.name)
        let packer = usesPacker ? LocalPacker() : nil
        var asksPacker = false
        /// Images whose builds get secrets.
        var secretive: [String?] = []
        for (name, image) in template.images.all {
            do throws(TemplateFault) {
                let image = try image.get()
                let plan = try template.plan(image, variables: variables)
                if let problem = unknownZone(image) { report.add(problem, name) }
                guard let check = image.packer else {
                    guard let template = packerTemplate(image) else { continue }
                    if Links.resolved("\(path)/\(template)") != nil {
                        report.notes.append(
                            "\(template) was not looked at, because it is a symbolic link or too "
                                + "large; a build looks at it.")
                    } else {
                        report.add("\(template) is a link to a file that does not exist", name)
                    }
                    continue
                }
                asksPacker = true
                guard let packer else { continue }
                guard packer.hasValues(for: plan.recipe) else {
                    secretive.append(name)
                    continue
                }
                let run = PackerRun(
                    packer: packer, plan: plan, check: check, folder: path,
                    temporary: temporary)
                if let rejection = try await run.rejection() { report.add(rejection, name) }
            } catch { report.add(error.description, name) }
        }
        if asksPacker, usesPacker, packer == nil {
            report.notes.append(
                "Packer is not installed here, so packer validate did not look at the template; "
                    + "a host does so when a build is submitted.")
        }
        if !secretive.isEmpty {
            let names = secretive.compactMap(\.self).joined(separator: ", ")
            report.notes.append(
                "packer validate was skipped"
                    + (names.isEmpty ? "" : " for \(names)")
                    + ": only a build gets the secrets under `environment`, and Packer would try "
                    + "to sign in without them. To run it, export those variables first.")
        }
        return report
    }

    private func packerTemplate(_ image: ReadTemplate) -> String? {
        guard case .packer(let template) = image.file.recipe.builder else { return nil }
        return template
    }

    /// Those in aibuild.yml itself; a missing file is reported later.
    private var mistakes: [YAMLError] {
        let file = "\(path)/\(TemplateFile.name)"
        guard Files.kind(file) == .file,
            let text = try? Files.read(file, limitBytes: ReadTemplate.fileBytes)
        else { return [] }
        return TemplateSet<TemplateFile>.mistakes(text, file: TemplateFile.name)
    }

    /// Of its schedule: the coordinator's machine may know others.
    private func unknownZone(_ image: ReadTemplate) -> String? {
        let zones = "/usr/share/zoneinfo"
        guard let name = image.file.triggers.timed.schedule?.timeZone, name != "UTC",
            Files.kind(zones) == .folder, !Files.exists("\(zones)/\(name)")
        else { return nil }
        return "schedule: there is no time zone \(Names.quoted(name)) on this machine: names are "
            + "such as Europe/Berlin"
    }
}

extension CheckReport {
    /// One fault of the defaults is the same for all images.
    fileprivate mutating func add(_ text: String, _ image: String?) {
        let problem = Problem(text, folder: folder, image: image)
        if problem.file != nil, let index = problems.firstIndex(where: { $0.isSame(problem) }) {
            problems[index].image = nil
        } else {
            problems.append(problem)
        }
    }
}

extension CheckReport.Problem {
    fileprivate func isSame(_ other: Self) -> Bool {
        file == other.file && line == other.line && column == other.column
            && message == other.message
    }
}
