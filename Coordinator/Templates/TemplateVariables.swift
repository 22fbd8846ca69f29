import BuildProtocol
import TextKit
import YAMLKit

/// `variables:` of `aibuild.yml`: texts, and values of other types.
struct TemplateVariables {
    var texts: [String: String] = [:]
    /// Lists and mappings; `nil` if there are none.
    var values: [String: JSON]?

    /// - Throws: `YAMLError`
    init(
        _ yaml: YAMLMapping, _ key: YAMLKey<[String: JSON]> = TemplateKeys.variables
    ) throws(YAMLError) {
        let given = try yaml.take(key, default: [:])
        guard given.count <= ProtocolLimits.variables else {
            throw yaml.error(
                key, "at most \(ProtocolLimits.variables) are allowed")
        }
        var bytes = 0
        var others: [String: JSON] = [:]
        for (name, value) in given {
            if let problem = Names.problem(name, what: "name of the variable") {
                throw yaml.error(key, problem)
            }
            bytes += Self.size(value)
            if let text = value.text { texts[name] = text } else { others[name] = value }
        }
        guard bytes <= ProtocolLimits.variablesBytes else {
            throw yaml.error(
                key,
                "the values have \(bytes) bytes together; at most "
                    + "\(ProtocolLimits.variablesBytes) are allowed: put large ones into files of "
                    + "the template")
        }
        values = others.isEmpty ? nil : others
    }

    static func size(_ value: JSON) -> Int {
        value.text?.utf8.count ?? value.bytes.count
    }
}
