import Dispatch
import Glibc

/// Says on Ctrl-C what goes on without the command, and ends it. What is followed is the
/// coordinator's work, which the reader may think they have stopped.
final class Interruption {
    /// As shells report a program that SIGINT ended.
    private static let exitStatus: Int32 = 128 + SIGINT

    private let source: any DispatchSourceSignal

    /// - Parameter words: what to say, without a newline.
    init(_ context: CommandContext, _ words: String) {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            context.console.err("\n\(words)\n")
            exit(Self.exitStatus)
        }
        source.resume()
    }

    deinit {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }
}
