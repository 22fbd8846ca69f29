import BuildProtocol
import CoordinatorCore
import TextKit
import YAMLKit

// The types of values in `aibuild.yml`, beside those that every configuration has.

extension YAMLType where Value == [String] {
    /// A program and its arguments, without a shell.
    static var command: YAMLType {
        .list(of: .string).checked { command in
            guard let program = command.first, !program.isEmpty, command.count <= 256 else {
                return "expected a program and up to 255 arguments"
            }
            return command.contains { $0.utf8.contains(0) }
                ? "an argument contains a NUL byte" : nil
        }
    }
}

extension YAMLType where Value == Int {
    /// A limit of a build, in seconds.
    static var limitSeconds: YAMLType {
        .durationSeconds.checked { (1...7 * 86_400).contains($0) ? nil : "expected 1s to 7d" }
    }

    /// How much later than its schedule an image may be built.
    static var jitterSeconds: YAMLType {
        .durationSeconds.checked { (0...86_400).contains($0) ? nil : "expected 0s to 24h" }
    }

    /// How often a base image is looked at. Its server is somebody else's.
    static var everySeconds: YAMLType {
        .durationSeconds.checked { (600...30 * 86_400).contains($0) ? nil : "expected 10m to 30d" }
    }

    static var ageSeconds: YAMLType {
        .durationSeconds.checked {
            (3600...3650 * 86_400).contains($0) ? nil : "expected 1h to 3650d"
        }
    }

    /// A limit of a test, in seconds.
    static var testSeconds: YAMLType {
        .durationSeconds.checked { (1...86_400).contains($0) ? nil : "expected 1s to 24h" }
    }
}

extension YAMLType where Value == JSON {
    static var variable: YAMLType {
        .json.checked { value in
            TemplateVariables.size(value) <= ProtocolLimits.variableValueBytes
                ? nil : "is longer than \(ProtocolLimits.variableValueBytes) bytes"
        }
    }
}

extension YAMLType where Value == String {
    static var innerPath: YAMLType {
        .string.checked { path in
            Names.isInnerPath(path)
                ? nil : "\(Names.quoted(path)) is not a path inside the template repository"
        }
    }

    /// As people write one, also `./output/`; see `TemplateOutputs.plain`.
    static var innerFolder: YAMLType {
        .string.checked { path in
            Names.isInnerPath(TemplateOutputs.plain(path))
                ? nil : "\(Names.quoted(path)) is not a folder inside the template repository"
        }
    }

    static var includedPath: YAMLType {
        .string.checked { path in
            path.isEmpty || path.utf8.count > 1024 || path.isAbsolutePath
                || path.unicodeScalars.contains { $0.value < 0x20 }
                ? "expected the path of a file or folder of the repository" : nil
        }
    }

    /// As `includedPath`, with Git's `*`, `?` and `**`.
    static var changedPath: YAMLType {
        .string.checked { path in
            path.isEmpty || path.utf8.count > 1024 || path.isAbsolutePath
                || path.utf8.first == UInt8(ascii: ":")
                || path.unicodeScalars.contains { $0.value < 0x20 }
                ? "expected the path of a file or folder of the repository, or a pattern" : nil
        }
    }

    /// A path in the template, or `.` for the whole of it.
    static var templatePath: YAMLType {
        .string.checked { path in
            path == "." || Names.isInnerPath(path)
                ? nil : "\(Names.quoted(path)) is not a path inside the template repository"
        }
    }

    /// - Parameter other: another scheme that is allowed, with an absolute path.
    static func url(or other: String? = nil) -> YAMLType {
        .string.checked { urlProblem($0, or: other) }
    }

    /// A line of apt's `sources.list`.
    static var aptSource: YAMLType {
        .string.checked { line in
            guard let source = PackageSource(apt: line) else {
                return "expected a line such as deb http://deb.debian.org/debian-security "
                    + "bookworm-security main"
            }
            return packageURLProblem(source.url)
        }
    }

    static var packageURL: YAMLType { .string.checked(packageURLProblem) }

    /// It is shown to whoever may see the guest OS.
    private static func packageURLProblem(_ url: String) -> String? {
        if let problem = urlProblem(url, or: nil) { return problem }
        return GitAddress(url).credential == nil
            ? nil : "a URL with a user name or password would be shown: use a mirror without one"
    }

    static func urlProblem(_ url: String, or other: String?) -> String? {
        let schemes = ["http://", "https://"] + (other.map { ["\($0):///"] } ?? [])
        let isKnown = schemes.contains(where: url.hasPrefix)
        if isKnown, url.unicodeScalars.contains(where: { $0.value <= 0x20 }) {
            return "a URL has no blanks: write %20 for each"
        }
        guard isKnown, url.utf8.count <= 2048
        else { return "expected an http\(other.map { ", https or \($0)" } ?? " or https") URL" }
        return nil
    }

    /// A source of a Packer template.
    static var sourcePattern: YAMLType {
        .string.checked { text in
            text.isEmpty || text.utf8.contains { $0 < 0x20 || $0 == 0x2C }
                ? "expected the name of a source, or a pattern; one in each entry" : nil
        }
    }

    /// Names of branches or tags, in which `*` stands for any text.
    static var refPattern: YAMLType {
        .string.checked { text in
            text.isEmpty || text.utf8.count > 255 || text.utf8.contains { $0 <= 0x20 }
                ? "expected a branch or tag, or a pattern such as release/*" : nil
        }
    }

    static var filePattern: YAMLType { .string.checked { FilePattern.problem($0) } }
    static var tag: YAMLType { .string.checked { Names.problem($0, what: "tag") } }
    static var userName: YAMLType { .string.checked { Names.problem($0, what: "user") } }

    static var caseName: YAMLType {
        .string.checked { Names.titleProblem($0, what: "name of the test case") }
    }

    static var guestOSName: YAMLType {
        .string.checked { Names.registeredProblem($0, what: "guest OS") }
    }

    /// Whether this machine has the zone is checked when the schedule is used: the coordinator and
    /// the machine of who writes the template may have different ones.
    static var timeZone: YAMLType {
        .string.checked { TimeZoneRules.problem(ofName: $0) }
    }

    static var environmentName: YAMLType {
        .string.checked { Names.registeredProblem($0, what: "environment") }
    }

    /// What an image service takes as a name or the value of a property.
    static var releaseText: YAMLType {
        let bytes = 255
        return .string.checked { text in
            text.utf8.count <= bytes && !text.unicodeScalars.contains { $0.value < 0x20 }
                ? nil : "has more than \(bytes) bytes, or control characters"
        }
    }
}
