import Support
import TextKit

/// How a container is to run, as `docker-py` takes it: the keyword arguments of `containers.run`.
/// Deployment scripts in Python keep such documents, and they are taken as they are.
public struct ContainerDefinition: Sendable, Hashable {
    public var name: String
    /// The body of the Engine API's "create", but for image and labels of the deployment.
    var body: JSON

    /// - Throws: `.invalid`, which names the key, what is wrong with it, and a known key that looks
    ///   like it.
    public init(_ document: JSON) throws(DockerError) {
        guard case .object(let fields) = document else {
            throw DockerError(.invalid, "a container definition is an object of keys and values")
        }
        guard let name = fields["name"]?.text else {
            throw DockerError(
                .invalid,
                "a container definition needs the key 'name', a string: an update finds "
                    + "the container that it replaces by it")
        }
        guard name.wholeMatch(of: #/[A-Za-z0-9][A-Za-z0-9_.\-]{1,127}/#) != nil else {
            throw DockerError(
                .invalid,
                "name: '\(name.prefix(200))' is no container's name: letters and digits, "
                    + "then also _ . -")
        }
        if let network = fields["network"], let mode = fields["network_mode"],
            network != .null, mode != .null
        {
            throw DockerError(
                .invalid, "network and network_mode say the same: leave one of them out")
        }
        self.name = name
        body = .object([:])
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) where key != "name" {
            try take(key, value)
        }
    }

    private mutating func take(_ key: String, _ value: JSON) throws(DockerError) {
        if let reason = DefinitionKeys.refused[key] {
            throw DockerError(.invalid, "\(key): \(reason)")
        }
        if let rule = DefinitionKeys.fixed[key] {
            guard rule.allowed.contains(value) else {
                throw DockerError(.invalid, "\(key): \(rule.reason)")
            }
            return
        }
        guard let field = DefinitionKeys.fields[key] else {
            let hint = Suggestion.hint(for: key, in: DefinitionKeys.all)
            throw DockerError(
                .invalid,
                "there is no key '\(key.prefix(64))'"
                    + (hint ?? "; known are docker-py's arguments of containers.run"))
        }
        // As docker-py: None is as good as not given.
        if value == .null { return }
        do throws(DefinitionShape.Mismatch) {
            for (path, value) in try field.shape.convert(value) {
                body.set(value, at: ArraySlice(field.path + path))
            }
        } catch {
            throw DockerError(.invalid, "\(key): \(error.message)")
        }
    }

    /// What the Engine API is given to create the container of an image.
    ///
    /// - Parameter labels: beside those of the definition; they win.
    func request(image: String, labels: [String: String]) -> JSON {
        var body = body
        body.set(.string(image), at: ["Image"])
        for (key, value) in labels { body.set(.string(value), at: ["Labels", key]) }
        return body
    }
}
