import BuildProtocol
import TextKit

/// The variables of a guest OS in one cell: `NAME=VALUE` on a line each, or a JSON object for
/// values that lines cannot hold.
enum VariableCell {
    struct Unreadable: Error {
        var why: String
    }

    static func parse(_ text: String) throws(Unreadable) -> [String: String] {
        if text.utf8.first == UInt8(ascii: "{") { return try parse(json: text) }
        var variables: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let line = VisibleText.cleaned(String(line))
            if line.isEmpty { continue }
            guard let equals = line.firstIndex(of: "="), equals > line.startIndex else {
                throw Unreadable(
                    why: "has the line \(Names.quoted(line)); write NAME=VALUE, each on a line of "
                        + "its own")
            }
            let name = VisibleText.cleaned(String(line[..<equals]))
            let value = VisibleText.cleaned(String(line[line.index(after: equals)...]))
            guard variables.updateValue(value, forKey: name) == nil else {
                throw Unreadable(why: "sets \(Names.quoted(name)) twice")
            }
        }
        return variables
    }

    private static func parse(json text: String) throws(Unreadable) -> [String: String] {
        guard case .object(let fields)? = try? JSON(parsing: text.utf8) else {
            throw Unreadable(
                why: "begins with { and is not a JSON object; write NAME=VALUE, each on a line of "
                    + "its own")
        }
        let texts = fields.compactMapValues(\.text)
        if let other = fields.keys.filter({ texts[$0] == nil }).min() {
            throw Unreadable(why: "sets \(Names.quoted(other)) to something that is not a text")
        }
        return texts
    }

    /// What `parse` reads again.
    static func text(_ variables: [String: String]) -> String {
        let lines = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            .joined(separator: "\n")
        if (try? parse(lines)) == variables { return lines }
        return String(decoding: JSON.object(variables.mapValues(JSON.string)).bytes, as: UTF8.self)
    }
}
