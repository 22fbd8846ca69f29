import ProcessKit
import SQLKit
import Support
import TestSupport

/// What belongs to no attempt of an open build. There may be some shortly after an attempt ends,
/// but none may remain.
struct Orphans {
    let farm: Farm
    let endpoint: MariaDBEndpoint
    /// Attempts of builds that have not ended.
    var builds: [FarmBuild] = []

    private var living: Set<String> {
        Set(builds.filter { $0.state != "queued" }.compactMap(\.attempt))
    }

    func all() async throws -> Set<String> {
        let living = living
        let found =
            farm.hosts.flatMap { processes($0, living) + groups($0, living) }
            + farm.hosts.flatMap { files($0, living) } + parts(living)
        return Set(found + (try await rows(living)))
    }

    private func processes(_ host: FarmHost, _ living: Set<String>) -> [String] {
        let own = Set(
            ProcessTable.withVariable("AIBUILD_ATTEMPT") { living.contains($0) }.map(\.pid))
        return ProcessTable.withVariable("AIBUILD_STATE") { $0 == host.stateFolder }
            .filter { !own.contains($0.pid) }.map { "process \($0.pid) on \(host.name)" }
    }

    private func groups(_ host: FarmHost, _ living: Set<String>) -> [String] {
        let prefix = "aibuild-\(SHA256.hex(host.stateFolder.utf8).prefix(8))-"
        return ControlGroup.siblings().filter { folder in
            let name = Files.name(of: folder)
            return name.hasPrefix(prefix) && !living.contains(String(name.dropFirst(prefix.count)))
        }
    }

    private func files(_ host: FarmHost, _ living: Set<String>) -> [String] {
        ["attempts", "trash"].flatMap { name in
            let folder = "\(host.stateFolder)/\(name)"
            return ((try? Files.list(folder)) ?? []).filter { !living.contains($0) }
                .map { "\(folder)/\($0)" }
        }
    }

    private func parts(_ living: Set<String>) -> [String] {
        let folder = "\(farm.webRoot)/images/build"
        return ((try? Files.list(folder)) ?? [])
            .filter { $0.hasPrefix(".") && !living.contains(String($0.dropFirst().prefix(32))) }
            .map { "\(folder)/\($0)" }
    }

    /// Rows that list finished work as running, and rows of unknown builds.
    private func rows(_ living: Set<String>) async throws -> [String] {
        let sql = try await SQLDatabase.open(.mariadb(endpoint))
        let open = try await sql.query("SELECT id FROM builds WHERE live = 1")
        let endless = try await sql.query("SELECT token FROM attempts WHERE ended_ms IS NULL")
        await sql.close()
        let known = Set(builds.map(\.id))
        return try open.map { try $0.text("id") }.filter { !known.contains($0) }
            .map { "row of build \($0)" }
            + endless.map { try $0.text("token") }.filter { !living.contains($0) }
            .map { "row of attempt \($0)" }
    }
}
