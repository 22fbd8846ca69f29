import CoordinatorCore
import CoordinatorService
import FoundationEssentials
import HTTPTypes

/// The endpoints of the original AIBuild, so that existing Jenkins jobs keep reporting while a team
/// migrates. They accept forms or JSON, and respond with the original's fields and its HTTP status
/// 200, with the actual status in the body. A report that is repeated is answered as the first one.
enum HistoricRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/v1/guestos") { request, _ in
            try await answer(request, ["name", "base_iso", "type", "distro", "version"]) { form in
                let known = try await api.ports.store.guestOS(named: form["name"]).map(row)
                if let known, form.given.allSatisfy({ isSame($0.value, known[$0.key], $0.key) }) {
                    return known
                }
                try await api.check(request, .catalog, guestOS: form["name"])
                let guestOS = try await api.leader().guestOSes.registerHistoric(
                    name: form["name"], type: form["type"], distro: form["distro"],
                    version: form["version"], baseISO: form["base_iso"],
                    owner: api.ownTeam(request), by: api.actor(request))
                return row(guestOS)
            }
        }
        router.on("GET", "/v1/guestos") { request, _ in
            try await look(request, "name", in: .guestOSes, api) { name in
                try await api.ports.store.guestOS(named: name).map(row)
            }
        }
        router.on("POST", "/v1/build") { request, _ in
            let required = ["image_name", "os_name"]
            let optional = ["update_contents", "get_url"]
            return try await answer(request, required, optional: optional) { form in
                try await api.check(request, .build, guestOS: form["os_name"])
                let entry = BuildLogEntry(
                    id: api.ports.ids.randomID(), imageName: form["image_name"],
                    guestOSName: form["os_name"],
                    builtMilliseconds: api.ports.clock.unixMilliseconds(),
                    updateContents: form.given["update_contents"], getURL: form.given["get_url"])
                let kept = try await api.leader().historic.recording(
                    api.entry(request, "historic.build", form["image_name"], form["os_name"])
                ).record(entry)
                return form.given.merging(["id": kept.id]) { _, new in new }
            }
        }
        router.on("GET", "/v1/build") { request, _ in
            try await look(request, "name", in: .images, api) { name in
                try await api.ports.store.buildLog(imageName: name, limit: 1).first.map(row)
            }
        }
        addEnvironments(to: &router, api)
        addReports(to: &router, api)
    }

    private static func addReports(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/v1/test") { request, _ in
            try await answer(request, ["image_name", "case_name", "result"]) { form in
                let id = api.ports.ids.randomID()
                guard form["result"].utf8.count <= 10 else {
                    throw Problem.badRequest("The result has more than 10 characters")
                }
                try await api.check(request, .build, image: form["image_name"])
                try await api.leader().historic.recording(
                    api.entry(
                        request, "historic.test", form["image_name"],
                        "\(form["case_name"]): \(form["result"])")
                ).record(
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
                try await api.check(request, .release, image: nil)
                try await api.leader().historic.recording(
                    api.entry(request, "historic.release", form["env_name"], form["glance_id"])
                ).record(release)
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
            try await answer(request, fields, onFailure: ["return_value": "1"]) { form in
                let settings = OpenStackSettings(
                    authURL: form["auth_url"], userDomain: form["user_domain_name"],
                    projectDomain: form["project_domain_name"], project: form["project_name"],
                    username: form["username"], region: form["region"],
                    // The settings of the original.
                    format: .raw, visibility: .public)
                if let id = try await known(form, settings, api) {
                    return ["return_value": "0", "env_uuid": id]
                }
                let (environment, _) = try await api.leader().environments.register(
                    EnvironmentForm(
                        name: form["env_name"], settings: .openstack(settings),
                        secret: form["password"], isUnchecked: true), by: api.actor(request))
                return ["return_value": "0", "env_uuid": environment.id]
            }
        }
        router.on("GET", "/v1/env") { request, _ in
            try await look(request, "env_name", in: .environments, api) { name in
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

    /// The id of the environment, if it is registered with exactly these fields.
    private static func known(
        _ form: Form, _ settings: OpenStackSettings, _ api: APIContext
    ) async throws -> String? {
        guard let known = try await api.ports.store.environment(named: form["env_name"]),
            known.settings == .openstack(settings),
            try await EnvironmentPassword(ports: api.ports).known(ofNamed: known.name)?.reveal
                == form["password"]
        else { return nil }
        return known.id
    }

    private static func isSame(_ given: String, _ known: String??, _ field: String) -> Bool {
        field == "type" ? given.lowercased() == known : given == known
    }

    private static func row(_ guestOS: GuestOS) -> [String: String?] {
        [
            "id": guestOS.id, "name": guestOS.name, "base_iso": guestOS.baseISO,
            "type": guestOS.type.rawValue, "distro": guestOS.distro, "version": guestOS.version,
        ]
    }

    private static func row(_ entry: BuildLogEntry) -> [String: String?] {
        [
            "id": entry.id, "image_name": entry.imageName, "os_id": entry.guestOSID,
            "os_name": entry.guestOSName, "build_at": entry.builtMilliseconds.map(time),
            "update_contents": entry.updateContents, "get_url": entry.getURL,
        ]
    }

    private static func time(_ unixMilliseconds: Int64) -> String {
        String(Time.text(unixMilliseconds).prefix(19).replacing("T", with: " "))
    }

    // MARK: Answers

    /// The fields that are given.
    private struct Form {
        var given: [String: String]
        subscript(name: String) -> String { given[name] ?? "" }
    }

    /// The widest historic column for a name or an address.
    private static let fieldBytes = 255
    private static let textBytes = 4096

    private static func answer(
        _ request: HTTPRequest, _ required: [String], optional: [String] = [],
        onFailure: [String: String?] = [:], _ body: (Form) async throws -> [String: String?]
    ) async throws -> HTTPResponse {
        try refuseOtherSites(request)
        return try await explained(onFailure) {
            let all = try values(request)
            var form = Form(given: [:])
            for field in required + optional {
                guard let value = all[field] else {
                    if optional.contains(field) { continue }
                    throw Refusal("Miss required field")
                }
                let limit = field == "update_contents" ? textBytes : fieldBytes
                guard value.utf8.count <= limit else {
                    throw Refusal("\(field) has more than \(limit) bytes")
                }
                form.given[field] = value
            }
            return try await body(form)
        }
    }

    private static func look(
        _ request: HTTPRequest, _ field: String, in names: HistoricKind, _ api: APIContext,
        _ find: (String) async throws -> [String: String?]?
    ) async throws -> HTTPResponse {
        try await explained {
            guard let name = request.query[field], !name.isEmpty else {
                throw Refusal("Miss required field")
            }
            if let row = try await find(name) { return row }
            let known = try await api.ports.store.historicName(like: name, in: names)
            return if let known { try await find(known) } else { nil }
        }
    }

    private static func explained(
        _ onFailure: [String: String?] = [:], _ body: () async throws -> [String: String?]?
    ) async throws -> HTTPResponse {
        func failure(_ status: Int, _ message: String) throws -> HTTPResponse {
            let fields = onFailure.merging(["message": message]) { _, new in new }
            return try .json(Row(status: status, fields: fields))
        }
        do {
            guard let fields = try await body() else { return try failure(404, "Not found") }
            return try .json(Row(status: 200, fields: fields))
        } catch let problem as Problem {
            return try failure(problem.status, problem.detail)
        } catch let refusal as Refusal {
            return try failure(refusal.code == .conflict ? 409 : 400, refusal.description)
        } catch let error as StoreError where error.code == .exists {
            return try failure(409, error.description)
        }
    }

    /// `status` is a number among strings and nulls, as in the original.
    private struct Row: Encodable {
        var status: Int
        var fields: [String: String?]

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
            return try request.decode([String: LooseText].self).compactMapValues(\.text)
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
        /// `nil` for a null: a field without a value.
        var text: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                text = nil
            } else if let text = try? container.decode(String.self) {
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
