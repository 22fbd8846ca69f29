/// The exit codes, which scripts can rely on. `aibuild --help` lists them.
enum ExitCode: Int32, CaseIterable {
    case ok = 0
    case buildFailed = 1
    case usage = 2
    case notFound = 3
    case refused = 4
    case unreachable = 5

    var meaning: String {
        switch self {
        case .ok: "success"
        case .buildFailed: "the build or release failed or was cancelled; doctor found a problem"
        case .usage: "invalid command line"
        case .notFound: "not found"
        case .refused: "the coordinator refused the request, or failed"
        case .unreachable: "the coordinator is unreachable"
        }
    }
}
