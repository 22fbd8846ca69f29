import HTTPClientKit
public import SQLKit
import Support

/// Another coordinator on a farm's database, web root and shared folder.
public final class StandbyCoordinator: Sendable {
    public let program: FarmProgram
    public let port: UInt16
    /// It finds the farm's token in the shared folder.
    public let api: FarmClient

    /// Returns when it serves requests, whether it leads or not.
    /// - Parameter database: the farm's by default; set when it is reached through another node.
    public init(
        _ name: String, of farm: Farm, database: MariaDBEndpoint? = nil
    ) async throws {
        guard let database = database ?? farm.setup.database else {
            throw Failure("coordinators share a MariaDB database")
        }
        let folder = "\(farm.folder)/\(name)"
        try Files.makeFolder(folder)
        port = try LoopbackPort.free()
        api = FarmClient(base: "http://127.0.0.1:\(port)", token: farm.token)
        let text = """
            state_folder: \(folder)/state
            shared_folder: \(farm.stateFolder)
            web_root: \(farm.webRoot)
            ssh: {key_file: \(farm.folder)/id_ed25519}
            api: {listen: 127.0.0.1, port: \(port)}
            limits: {host_lost: \(farm.setup.hostLostSeconds)s}
            \(farm.line(for: database))
            \(farm.setup.coordinatorLines.joined(separator: "\n"))

            """
        try Files.replace("\(folder)/coordinator.yml", with: text.utf8)
        program = try FarmProgram(
            "aibuild-coordinator", ["--config", "\(folder)/coordinator.yml"],
            logPath: "\(folder)/coordinator.log")
        let api = self.api
        try await eventually("\(name) serves: \(program.log)") {
            (try? await api.get("/readyz").status) == 200
        }
    }

    /// Waits until it leads.
    public func leads() async throws {
        let api = self.api
        try await eventually("it leads: \(program.log.suffix(2000))") {
            try await api.leader().isLeading
        }
    }
}

public struct FarmLeader: Sendable, Decodable {
    public var isLeading: Bool
    public var epoch: Int64?
    public var url: String?
}

extension FarmClient {
    /// A coordinator that does not answer does not lead.
    public func leader() async throws -> FarmLeader {
        guard let answer = try? await get("/api/v1/leader"), answer.status == 200 else {
            return FarmLeader(isLeading: false)
        }
        return try Self.decode(FarmLeader.self, answer)
    }
}
