import ArgumentKit
import Support

extension Arguments {
    func number(_ option: String) throws(CommandError) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text) else {
            throw CommandError(.usage, "Option --\(option) needs a number, not '\(text)'")
        }
        return number
    }

    /// Reads a file named on the command line.
    static func read(_ path: String, limitBytes: Int) throws(CommandError) -> [UInt8] {
        do { return try Files.read(path, limitBytes: limitBytes) } catch {
            throw CommandError(.usage, error)
        }
    }
}
