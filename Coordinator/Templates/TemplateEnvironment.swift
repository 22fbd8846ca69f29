import BuildProtocol
import TextKit
import YAMLKit

/// `environment:` of `aibuild.yml`: texts, and secrets of the host by their names.
enum TemplateEnvironment {
    static func read(_ yaml: YAMLMapping) throws(YAMLError) -> [String: EnvironmentValue]? {
        guard let given = try yaml.takeIfPresent(TemplateKeys.environment) else {
            return nil
        }
        guard given.count <= ProtocolLimits.variables else {
            throw yaml.error(
                TemplateKeys.environment, "at most \(ProtocolLimits.variables) are allowed")
        }
        var environment: [String: EnvironmentValue] = [:]
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            if let problem = EnvironmentValue.problem(ofName: name) {
                throw yaml.error(TemplateKeys.environment, problem)
            }
            guard let parsed = parsed(value) else {
                throw yaml.error(
                    TemplateKeys.environment,
                    "\(name): expected a text, {secret: NAME} or {secret_file: NAME}")
            }
            environment[name] = parsed
        }
        return environment.isEmpty ? nil : environment
    }

    private static func parsed(_ value: JSON) -> EnvironmentValue? {
        switch value {
        case .string(let text):
            let isSound =
                text.utf8.count <= ProtocolLimits.variableValueBytes && !text.utf8.contains(0)
            return isSound ? .text(text) : nil
        case .object(let fields):
            guard fields.count == 1, let (key, name) = fields.first, case .string(let name) = name,
                Names.problem(name) == nil
            else { return nil }
            switch key {
            case "secret": return .secret(name)
            case "secret_file": return .secretFile(name)
            default: return nil
            }
        default: return nil
        }
    }
}
