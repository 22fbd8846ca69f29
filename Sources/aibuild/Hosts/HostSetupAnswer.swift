import Support

/// What the coordinator tells about machines that become hosts.
struct HostSetupAnswer: Decodable {
    struct Package: Decodable {
        var name, version, architecture, sha256: String
        var sizeBytes: Int64
    }

    var authorizedKey: String?
    var packages: [Package]
    var unixMilliseconds: Int64
    /// When this program got it, on its own clock.
    let askedMilliseconds = Clocks.unixMilliseconds()

    private enum CodingKeys: CodingKey { case authorizedKey, packages, unixMilliseconds }
}

extension HostSetupAnswer {
    /// - Parameters:
    ///   - installs: whether there must be something to install.
    ///   - needsKey: whether there must be a key to let in.
    static func fetch(
        _ api: APIClient, installs: Bool = true, needsKey: Bool = true
    ) async throws -> HostSetupAnswer {
        let setup: HostSetupAnswer
        do {
            setup = try APIClient.decode(
                HostSetupAnswer.self, try await api.get("/api/v1/host-setup"))
        } catch let error as CommandError where error.code == .notFound {
            throw CommandError(
                .refused,
                "The coordinator is too old to set hosts up. Upgrade it, or set the host up by "
                    + "hand and add it with --register-only")
        }
        let words = setup.packages.flatMap { [$0.name, $0.version, $0.architecture, $0.sha256] }
        guard words.allSatisfy(Self.isPlain) else {
            throw CommandError(.refused, "The coordinator names an agent package that cannot be")
        }
        guard !setup.packages.isEmpty || !installs else {
            throw CommandError(
                .refused,
                "The coordinator has no agent package to install. Put aibuild-agent_*.deb into "
                    + "/usr/share/aibuild/agent on its machine, or into the folder agent_packages "
                    + "of coordinator.yml")
        }
        guard needsKey else { return setup }
        guard let line = setup.authorizedKey, !line.contains(where: \.isNewline) else {
            throw CommandError(
                .refused,
                "The coordinator does not know the public half of its SSH key, which hosts are to "
                    + "let in. Set the host up by hand and add it with --register-only")
        }
        return setup
    }

    /// What file names and versions of packages consist of.
    private static func isPlain(_ word: String) -> Bool {
        !word.isEmpty
            && word.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "+-.:_~".contains($0))
            }
    }
}
