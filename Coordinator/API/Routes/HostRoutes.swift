import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum HostRoutes {
    struct Drain: Decodable {
        var note: String?
        var deadlineSeconds: Int?
    }

    struct Scan: Decodable { var address: String }
    struct Registration: Decodable {
        var name, address, hostKey: String
        var variables: [String: String]?
    }
    struct Change: Decodable {
        var address, hostKey: String?
        var variables: [String: String]?
    }
    struct ScanView: Encodable { var address, hostKey, fingerprint: String }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/api/v1/hosts/scan") { request, _ in
            let address = try request.decode(Scan.self).address
            let key = try await api.leader().hosts.scanHostKey(address)
            return try .json(
                ScanView(address: address, hostKey: key.key, fingerprint: key.fingerprint))
        }
        router.on("POST", "/api/v1/hosts") { request, _ in
            let body = try request.decode(Registration.self)
            let host = try await api.leader().hosts.add(
                name: body.name, address: body.address, hostKey: body.hostKey,
                variables: body.variables ?? [:], by: api.actor(request))
            return try .json(HostSnapshotView(host), status: 201)
        }
        router.on("GET", "/api/v1/hosts") { _, _ in
            try .json(
                ListView(items: await api.leader().hosts.snapshots().map(HostSnapshotView.init)))
        }
        router.on("GET", "/api/v1/hosts/{name}") { _, path in
            try .json(HostSnapshotView(try await api.leader().hosts.snapshot(path["name"])))
        }
        router.on("PUT", "/api/v1/hosts/{name}") { request, path in
            let body = try request.decode(Change.self)
            let (hosts, actor) = (try api.leader().hosts, api.actor(request))
            if let variables = body.variables {
                let host = try await hosts.setVariables(
                    variables, ofHost: path["name"], by: actor)
                if body.address == nil, body.hostKey == nil {
                    return try .json(HostSnapshotView(host))
                }
            }
            let host = try await hosts.change(
                path["name"], address: body.address, hostKey: body.hostKey, by: actor)
            return try .json(HostSnapshotView(host))
        }
        router.on("DELETE", "/api/v1/hosts/{name}") { request, path in
            try await api.leader().hosts.remove(path["name"], by: api.actor(request))
            return .empty
        }
        router.on("POST", "/api/v1/hosts/{name}/drain") { request, path in
            let wanted = request.body.isEmpty ? Drain() : try request.decode(Drain.self)
            let host = try await api.leader().hosts.drain(
                path["name"], note: wanted.note ?? "", deadlineSeconds: wanted.deadlineSeconds,
                by: api.actor(request))
            return try .json(HostSnapshotView(host))
        }
        router.on("GET", "/api/v1/hosts/{name}/drain") { _, path in
            try .json(DrainView(try await api.leader().hosts.drainPlan(path["name"])))
        }
        router.on("POST", "/api/v1/hosts/{name}/resume") { request, path in
            let host = try await api.leader().hosts.resume(path["name"], by: api.actor(request))
            return try .json(HostSnapshotView(host))
        }
    }
}
