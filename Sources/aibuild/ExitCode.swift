/// What a script can rely on. Written down in `aibuild --help`.
enum ExitCode: Int32, CaseIterable {
    case ok = 0
    case buildFailed = 1
    case usage = 2
    case notFound = 3
    case refused = 4
    case unreachable = 5

    var meaning: String {
        switch self {
        case .ok: "done"
        case .buildFailed: "the build or release waited for did not succeed; doctor found fault"
        case .usage: "the command line is wrong"
        case .notFound: "there is nothing of that name"
        case .refused: "the coordinator refused or failed"
        case .unreachable: "the coordinator cannot be reached"
        }
    }
}

/// Ends a command with a sentence and a code.
struct CommandError: Error {
    var code: ExitCode
    var message: String

    init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }
}
