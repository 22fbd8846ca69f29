import BuildProtocol
import ProcessKit

/// A fault of a build program, with its exit status.
struct ProgramFault: Error {
    var fault: Fault
    var exitCode: Int?

    init(_ fault: Fault, _ exitCode: Int?) {
        self.fault = fault
        self.exitCode = exitCode
    }
}

extension ExitStatus {
    var exitCode: Int? {
        if case .exited(let code) = self { Int(code) } else { nil }
    }

    var signal: Int? {
        if case .killed(let signal) = self { Int(signal) } else { nil }
    }
}
