public import BuildProtocol
public import TextKit

/// Variables of one trigger: texts, and values of other types.
public struct VariableSet: Sendable, Hashable, Codable {
    public var texts: [String: String]
    /// Lists and mappings.
    public var values: [String: JSON]

    public init(texts: [String: String] = [:], values: [String: JSON] = [:]) {
        self.texts = texts
        self.values = values
    }

    public var names: Set<String> { Set(texts.keys).union(values.keys) }
}

/// Where the value of a variable comes from, the weakest first. What is missing in a plan comes
/// from `variables` of `aibuild.yml`.
public enum VariableOrigin: String, Sendable, Hashable, Codable, CaseIterable {
    case guestOS = "guestos"
    case host
    case trigger
    /// `--var` of a command, or the message or profile that requested the build.
    case request
}

extension BuildRecipe {
    /// Sets variables, of whatever type they were.
    public mutating func override(_ own: VariableSet) {
        override(own.texts)
        for (name, value) in own.values {
            variables[name] = nil
            values = (values ?? [:]).merging([name: value]) { $1 }
        }
    }
}

extension BuildPlan {
    /// Sets variables above those that are there already.
    public mutating func override(_ own: VariableSet, from origin: VariableOrigin) {
        recipe.override(own)
        guard !own.names.isEmpty else { return }
        var origins = variableOrigins ?? [:]
        for name in own.names { origins[name] = origin }
        variableOrigins = origins
    }

    /// Which of a host's variables its attempts get: those that nothing stronger sets, and that the
    /// template has. A host serves many templates, so that it has variables that some do not know.
    public func variables(ofHost own: [String: String]) -> [String: String] {
        own.filter { name, _ in
            switch variableOrigins?[name] {
            case .trigger, .request: return false
            case .guestOS, .host, nil: break
            }
            if case .command = recipe.builder { return true }
            return hostVariables.map { $0.contains(name) }
                ?? (recipe.variables[name] != nil || recipe.values?[name] != nil)
        }
    }
}
