import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// How a program of an attempt is confined.
enum Confinement: Sendable, Hashable {
    /// A program of the agent itself, with the agent's rights.
    case none
    /// In a sandbox with a loopback interface of its own, and paths outside of the attempt that it
    /// can read.
    case offline(reading: [String] = [])
    /// As `offline`, with the network that agent.yml allows.
    case online(reading: [String] = [])

    var isOnline: Bool {
        if case .online = self { true } else { false }
    }

    var inputs: [String] {
        switch self {
        case .none: []
        case .offline(let paths), .online(let paths): paths
        }
    }
}

extension AttemptContext {
    /// The sandbox of a program; `nil` if it runs without one.
    func sandbox(_ confinement: Confinement, workFolder: String?) throws -> Sandbox? {
        guard let isolation = order.isolation, confinement != .none else { return nil }
        let isOnline = confinement.isOnline && !isolation.isOffline
        let resolver = isOnline ? Links.resolved("/etc/resolv.conf") : nil
        if let resolver {
            let host = try Files.read(resolver, limitBytes: AgentLimits.resolverBytes)
            let text = AttemptNetwork.resolverConfiguration(
                host: String(decoding: host, as: UTF8.self))
            // Not durable: it is written again for the next program.
            try Descriptor(folder.resolver, O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
        }
        var sandbox = Sandbox(
            folder: folder,
            packerConfiguration: StateFolder(order.stateFolder).packerConfiguration,
            isolation: isolation, isOnline: isOnline, systemFolders: Self.systemFolders(),
            agentProgram: OwnProgram.path,
            programFolders: order.searchPath.split(separator: ":").map(String.init)
                + (order.packerPlugins.map { [$0] } ?? []),
            inputs: confinement.inputs, resolverPath: resolver,
            workFolder: workFolder ?? folder.work)
        sandbox.hidesKVM = order.accelerator == .tcg
        if order.start.recipe.jenkins != nil { sandbox.jenkins = jenkinsPlaces() }
        return sandbox
    }

    private func jenkinsPlaces() -> JenkinsPlaces {
        let folder = Files.folder(of: JenkinsPlaces.packer)
        let names = ((try? Files.list(folder)) ?? []).filter {
            "\(folder)/\($0)" != JenkinsPlaces.packer
        }
        let isReal = order.packer == JenkinsPlaces.packer
        return JenkinsPlaces(
            wrapper: isReal || !Files.exists(self.folder.jenkinsPacker)
                ? nil : self.folder.jenkinsPacker,
            others: Self.entries(names.map { "\(folder)/\($0)" }))
    }

    private static func systemFolders() -> [Sandbox.SystemFolder] {
        entries(Sandbox.systemNames.map { "/" + $0 }).filter {
            $0.linkTarget != nil || Files.kind($0.path) == .folder
        }
    }

    private static func entries(_ paths: [String]) -> [Sandbox.SystemFolder] {
        paths.compactMap { path in
            switch Files.kind(path) {
            case .folder, .file: Sandbox.SystemFolder(path: path)
            case .link: Sandbox.SystemFolder(path: path, linkTarget: Links.target(path))
            case .other, nil: nil
            }
        }
    }
}
