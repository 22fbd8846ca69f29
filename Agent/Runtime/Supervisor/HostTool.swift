import AgentCore
import BuildProtocol
import ProcessKit

/// A tool of the host that the supervisor itself needs, such as tar.
enum HostTool {
    /// Runs a tool of the host, in the work folder if no other is given, and logs its output.
    /// - Returns: how it exited, and the tail of its output.
    static func run(
        _ arguments: [String], reading inputs: [String] = [], in workFolder: String? = nil,
        _ context: AttemptContext
    ) throws -> (status: ExitStatus, output: String) {
        var sink = RawSink()
        let command = Command(
            arguments, environment: BuildEnvironment.common(context.order, context.folder),
            workFolder: workFolder ?? context.folder.work)
        let runner = ProgramRunner(
            context: context, isGrouped: false, confinement: .offline(reading: inputs))
        let status = try runner.run(command, &sink)
        return (status, sink.tail.text)
    }
}
