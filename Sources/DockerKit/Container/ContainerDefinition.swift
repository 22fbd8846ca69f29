public import TextKit

/// The definition of a container in the form of `docker-py`: the keyword arguments of
/// `containers.run`. Documents of deployment scripts in Python can be used as they are.
public struct ContainerDefinition: Sendable, Hashable {
    public var name: String
    /// The body of the Engine API's "create", without image and labels of the deployment.
    var body: JSON

    /// - Throws: `.invalid`, which names the key, what is wrong with it, and a similar known key.
    public init(_ document: JSON) throws(DockerError) {
        guard case .object(let fields) = document else {
            throw DockerError(.invalid, "a container definition must be an object")
        }
        guard let name = fields["name"]?.text else {
            throw DockerError(
                .invalid,
                "a container definition needs the key 'name', a string: an update finds the "
                    + "container to replace by it")
        }
        guard name.wholeMatch(of: #/[A-Za-z0-9][A-Za-z0-9_.\-]{1,127}/#) != nil else {
            throw DockerError(
                .invalid,
                "name: '\(name.prefix(200))' is not a container name: use letters and digits, then "
                    + "also _ . -")
        }
        try Self.checkNetwork(fields.filter { !$0.value.isEmptyToPython })
        self.name = name
        body = .object([:])
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) where key != "name" {
            try take(key, value)
        }
    }

    /// Rules that concern several keys.
    private static func checkNetwork(_ fields: [String: JSON]) throws(DockerError) {
        if fields["network"] != nil, fields["network_mode"] != nil {
            throw DockerError(
                .invalid, "network and network_mode are mutually exclusive: omit one of them")
        }
        let mode = fields["network_mode"] ?? fields["network"]
        if mode == .string("host"), fields["ports"] != nil {
            throw DockerError(
                .invalid,
                "ports: a container in the host's network has the host's ports: omit this key")
        }
        if let endpoints = fields["networking_config"] {
            guard let network = fields["network"]?.text, endpoints[network] != nil else {
                throw DockerError(
                    .invalid,
                    "networking_config: its key must be the network that 'network' names")
            }
        }
    }

    private mutating func take(_ key: String, _ value: JSON) throws(DockerError) {
        if let reason = DefinitionKeys.refused[key], !value.isEmptyToPython {
            throw DockerError(.invalid, "\(key): \(reason)")
        }
        if let rule = DefinitionKeys.fixed[key] {
            guard rule.allowed.contains(value) else {
                throw DockerError(.invalid, "\(key): \(rule.reason)")
            }
            return
        }
        if DefinitionKeys.refused[key] != nil { return }
        guard let field = DefinitionKeys.fields[key] else {
            let hint = Suggestion.hint(for: key, in: DefinitionKeys.all)
            throw DockerError(
                .invalid,
                "unknown key '\(key.prefix(64))'"
                    + (hint ?? "; use docker-py's arguments of containers.run"))
        }
        // As in docker-py: None means not given, and so does what is empty.
        if value.isEmptyToPython, value != .bool(false), value != .int(0) { return }
        do throws(DefinitionShape.Mismatch) {
            for (path, value) in try field.shape.convert(value) {
                body.set(value, at: ArraySlice(field.path + path))
            }
        } catch {
            throw DockerError(.invalid, "\(key): \(error.message)")
        }
    }

    /// The body of the Engine API's request to create the container.
    ///
    /// - Parameter labels: in addition to those of the definition, over which they take precedence.
    func request(image: String, labels: [String: String]) -> JSON {
        var body = body
        body.set(.string(image), at: ["Image"])
        for (key, value) in labels { body.set(.string(value), at: ["Labels", key]) }
        return body
    }
}
