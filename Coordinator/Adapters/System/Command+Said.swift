import BuildProtocol
import ProcessKit
import TextKit

extension Command.Output {
    private static let saidLines = 5
    private static let saidBytes = 1000

    /// The last lines that a program of the operator printed, for a message about it.
    var said: String {
        (stdoutText + stderrText).lines.suffix(Self.saidLines)
            .joined(separator: "; ").prefixOfUTF8(Self.saidBytes)
    }
}
