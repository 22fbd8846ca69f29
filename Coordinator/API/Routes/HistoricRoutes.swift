import CoordinatorCore
import CoordinatorService
import FoundationEssentials
import HTTPTypes

/// The endpoints of the original AIBuild, so that existing Jenkins jobs keep reporting while a team
/// migrates. They accept forms or JSON, and respond with the original's fields and its HTTP status
/// 200, with the actual status in the body.
enum HistoricRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/v1/guestos") { request, _ in
            try await answer(request, ["name", "base_iso", "type", "distro", "version"]) { form in
                let guestOS = try await api.leader().guestOSes.registerHistoric(
                    name: form["name"], type: form["type"], distro: form["distro"],
                    version: form["version"], baseISO: form["base_iso"], by: api.actor(request))
                return row(guestOS)
            }
        }
        router.on("GET", "/v1/guestos") { request, _ in
            try await look(request, "name") { name in
                try await api.ports.store.guestOS(named: name).map(row)
            }
        }
        router.on("POST", "/v1/build") { request, _ in
            let fields = ["image_name", "os_name", "update_contents", "get_url"]
            return try await answer(request, fields) { form in
                let id = api.ports.ids.randomID()
                let entry = BuildLogEntry(
                    id: id, imageName: form["image_name"], guestOSID: "",
                    builtMilliseconds: api.ports.clock.unixMilliseconds(),
                    updateContents: form["update_contents"], getURL: form["get_url"])
                try await api.leader().historic.record(entry, guestOS: form["os_name"])
                return form.given.merging(["id": id]) { _, new in new }
            }
        }
        router.on("GET", "/v1/build") { request, _ in
            try await look(request, "name") { name in
                try await api.ports.store.buildLog(imageName: name, limit: 1).first.map(row)
            }
        }
        addEnvironments(to: &router, api)
        router.on("POST", "/v1/test") { request, _ in
            try await answer(request, ["image_name", "case_name", "result"]) { form in
                let id = api.ports.ids.randomID()
                guard form["result"].utf8.count <= 10 else {
                    throw Problem.badRequest("The result has more than 10 characters")
                }
                try await api.leader().historic.record(
                    HistoricTest(
                        id: id, imageName: form["image_name"], caseName: form["case_name"],
                        result: form["result"],
                        testedMilliseconds: api.ports.clock.unixMilliseconds()))
                return ["log_id": id]
            }
        }
        router.on("POST", "/v1/release") { request, _ in
            try await answer(request, ["env_name", "glance_id"]) { form in
                let release = HistoricRelease(
                    id: api.ports.ids.randomID(), environment: form["env_name"],
                    glanceID: form["glance_id"],
                    releasedMilliseconds: api.ports.clock.unixMilliseconds())
                try await api.leader().historic.record(release)
                return [
                    "id": release.id, "env_name": release.environment,
                    "glance_id": release.glanceID, "release_at": time(release.releasedMilliseconds),
                ]
            }
        }
    }

    private static func addEnvironments(to router: inout Router, _ api: APIContext) {
        let fields = [
            "env_name", "auth_url", "project_domain_name", "user_domain_name", "project_name",
            "username", "password", "region",
        ]
        router.on("POST", "/v1/env") { request, _ in
            try await answer(request, fields) { form in
                let settings = OpenStackSettings(
                    authURL: form["auth_url"], userDomain: form["user_domain_name"],
                    projectDomain: form["project_domain_name"], project: form["project_name"],
                    username: form["username"], region: form["region"],
                    // The settings of the original.
                    format: .raw, visibility: .public)
                let (environment, _) = try await api.leader().environments.register(
                    EnvironmentForm(
                        name: form["env_name"], settings: .openstack(settings),
                        secret: form["password"], isUnchecked: true), by: api.actor(request))
                return ["return_value": "0", "env_uuid": environment.id]
            }
        }
        router.on("GET", "/v1/env") { request, _ in
            try await look(request, "env_name") { name in
                guard let environment = try await api.ports.store.environment(named: name),
                    case .openstack(let settings) = environment.settings
                else { return nil }
                return [
                    "id": environment.id, "name": environment.name, "auth_url": settings.authURL,
                    "project_domain_name": settings.projectDomain,
                    "user_domain_name": settings.userDomain, "project_name": settings.project,
                    "username": settings.username, "region": settings.region,
                ]
            }
        }
    }

    // MARK: Rows

    private static func row(_ guestOS: GuestOS) -> [String: String] {
        [
            "id": guestOS.id, "name": guestOS.name, "base_iso": guestOS.baseISO,
            "type": guestOS.type.rawValue, "distro": guestOS.distro, "version": guestOS.version,
        ]
    }

    private static func row(_ entry: BuildLogEntry) -> [String: String] {
        [
            "id": entry.id, "image_name": entry.imageName, "os_id": entry.guestOSID,
            "build_at": time(entry.builtMilliseconds), "update_contents": entry.updateContents,
            "get_url": entry.getURL,
        ]
    }

    private static func time(_ unixMilliseconds: Int64) -> String {
        String(Time.text(unixMilliseconds).prefix(19).replacing("T", with: " "))
    }

    // MARK: Answers

    /// The fields, all of them required.
    private struct Form {
        var given: [String: String]
        subscript(name: String) -> String { given[name] ?? "" }
    }

    /// The widest historic column for a name or an address.
    private static let fieldBytes = 255
    private static let textBytes = 4096

    private static func answer(
        _ request: HTTPRequest, _ fields: [String],
        _ body: (Form) async throws -> [String: String]
    ) async throws -> HTTPResponse {
        try refuseOtherSites(request)
        let all = try values(request)
        var form = Form(given: [:])
        for field in fields {
            guard let value = all[field] else { return failure(400, "Miss required field") }
            let limit = field == "update_contents" ? textBytes : fieldBytes
            guard value.utf8.count <= limit else {
                return failure(400, "\(field) has more than \(limit) bytes")
            }
            form.given[field] = value
        }
        return try await explained { try await body(form) }
    }

    private static func look(
        _ request: HTTPRequest, _ field: String,
        _ find: (String) async throws -> [String: String]?
    ) async throws -> HTTPResponse {
        guard let name = request.query[field], !name.isEmpty else {
            return failure(400, "Miss required field")
        }
        return try await explained { try await find(name) }
    }

    private static func explained(
        _ body: () async throws -> [String: String]?
    ) async throws -> HTTPResponse {
        do {
            guard let fields = try await body() else { return failure(404, "Not found") }
            return try .json(Row(status: 200, fields: fields))
        } catch let refusal as Refusal {
            return failure(refusal.code == .conflict ? 409 : 400, refusal.description)
        } catch let error as StoreError where error.code == .exists {
            return failure(409, error.description)
        }
    }

    private static func failure(_ status: Int, _ message: String) -> HTTPResponse {
        (try? .json(Row(status: status, fields: ["message": message]))) ?? .empty
    }

    /// `status` is a number among strings, as in the original.
    private struct Row: Encodable {
        var status: Int
        var fields: [String: String]

        private struct Key: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(_ name: String) { stringValue = name }
            init?(stringValue: String) { self.init(stringValue) }
            init?(intValue: Int) { nil }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(status, forKey: Key("status"))
            for (name, value) in fields { try container.encode(value, forKey: Key(name)) }
        }
    }

    // MARK: Requests

    /// Any site can send a form through an admin's browser, which then declares the origin. The
    /// clients of these endpoints are jobs, not browsers.
    private static func refuseOtherSites(_ request: HTTPRequest) throws {
        guard request.headers["Origin"] == nil, request.headers["Sec-Fetch-Site"] == nil else {
            throw Problem.badRequest(
                "The endpoints of the original AIBuild refuse requests of web pages",
                remedy: "Use /api/v1")
        }
    }

    private static func values(_ request: HTTPRequest) throws -> [String: String] {
        let mediaType = request.headers["Content-Type"]?.split(separator: ";").first ?? ""
        if mediaType.lowercased() == "application/json" {
            return try request.decode([String: LooseText].self).mapValues(\.text)
        }
        var values: [String: String] = [:]
        let body = String(decoding: request.body, as: UTF8.self)
        for (name, value) in try HTTPQuery(decoding: body).items { values[name] = value }
        // Some jobs send the fields in the URL.
        for (name, value) in request.query.items where values[name] == nil { values[name] = value }
        return values
    }

    /// Jobs may send `16.04` as a number.
    private struct LooseText: Decodable {
        var text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self.text = text
            } else if let number = try? container.decode(Int64.self) {
                text = "\(number)"
            } else if let number = try? container.decode(Double.self) {
                text = "\(number)"
            } else {
                text = ""
            }
        }
    }
}
