import Support

/// The arguments of a command.
struct Arguments: Sendable {
    var operands: [String] = []
    private var values: [String: [String]] = [:]

    subscript(option: String) -> String? { values[option]?.last }

    func has(_ option: String) -> Bool { values[option] != nil }
    func all(_ option: String) -> [String] { values[option] ?? [] }

    func number(_ option: String) throws(CommandError) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text) else {
            throw CommandError(.usage, "Option --\(option) needs a number, not '\(text)'")
        }
        return number
    }

    mutating func add(_ option: String, _ value: String) {
        values[option, default: []].append(value)
    }

    /// Reads a file named on the command line.
    static func read(_ path: String, limitBytes: Int) throws(CommandError) -> [UInt8] {
        do { return try Files.read(path, limitBytes: limitBytes) } catch {
            throw CommandError(.usage, error)
        }
    }
}
