import BuildProtocol
import CoordinatorCore
import ProcessKit
import Support
import TextKit

/// Archives of folders, made by `tar`.
package enum TemplateTar {
    package static let timeoutSeconds = 120

    /// The same files give the same bytes, so an unchanged template keeps its name.
    /// - Parameter list: a file with the names of the files, each ended by a NUL; `nil`: all.
    /// - Throws: `TemplateFault`
    package static func archive(
        folder path: String, filesFrom list: String? = nil, to output: String
    ) async throws {
        let content =
            list.map { ["--no-recursion", "--null", "--verbatim-files-from", "--files-from", $0] }
            ?? ["."]
        let arguments =
            [
                "tar", "--create", "--file", output, "--format=posix", "--sort=name",
                "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=a+rX,u+w,go-w",
                "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
                "--exclude=.git", "--transform=s,^\\./,,", "--directory", path,
            ] + content
        var environment = Command.minimalEnvironment
        environment["LC_ALL"] = "C"
        let result: Command.Output
        do {
            result = try await Command(arguments, environment: environment).run(
                timeoutSeconds: timeoutSeconds)
        } catch let failure as Failure {
            throw TemplateFault("the template cannot be read", cause: failure)
        }
        guard result.status.isSuccess else {
            throw TemplateFault("cannot archive \(path): \(tail(result.stderrText))")
        }
    }

    /// The end of a program's output, which contains the reason.
    package static func tail(_ text: String) -> String {
        text.lines.suffix(3).joined(separator: "; ").prefixOfUTF8(1000)
    }
}
