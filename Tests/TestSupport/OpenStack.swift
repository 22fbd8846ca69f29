import FoundationEssentials
import Glibc
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support

/// A real Keystone and two real Glances on loopback, as `scripts/openstack.sh` starts them. They
/// end with this process, however it ends: the script reads a pipe that only this process holds.
public final class OpenStack: Sendable {
    public enum Service: String, Sendable {
        case keystone
        /// Region `RegionOne`.
        case glance1
        /// Region `RegionTwo`: validates every token with Keystone, and accepts no image over 64
        /// MiB and no more than 96 MiB per project.
        case glance2
    }

    public let keystoneURL: String
    /// The same, but tokens expire after 8 s.
    public let briefKeystoneURL: String
    /// Keystone and the first Glance use TLS, with certificates of the tests' own authority.
    public let safeKeystoneURL: String
    public let safeGlanceURL: String
    public let certificates: TestCertificates
    private let ports: [Service: UInt16]
    private let folder: String
    private let lifeline: Descriptor
    private let keeper: ChildProcess
    private let http = HTTPClient()

    private static let sharedStart = Task { try await start() }
    private static let breakableStart = Task { try await start() }
    private static let startSeconds: Int64 = 300

    /// The one that all tests of this process share and none of them breaks.
    public static func shared() async throws -> OpenStack { try await sharedStart.value }

    /// The one whose services may be killed, by serialized suites.
    public static func breakable() async throws -> OpenStack { try await breakableStart.value }

    /// On a busy machine a fresh Keystone was once seen to accept a request and never answer it:
    /// the services are then started anew, once.
    public static func start() async throws -> OpenStack {
        do {
            return try await startOnce()
        } catch {
            print("Keystone and Glance are started again, because: \(error)")
            return try await startOnce()
        }
    }

    private static func startOnce() async throws -> OpenStack {
        // The script removes it once all its processes have ended.
        let folder = "/tmp/aib-openstack\(getpid())-\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(folder, mode: 0o700)
        let stack = try OpenStack(folder, try await TestCertificates(in: folder + "/tls"))
        try await eventually("Keystone and Glance serve", seconds: startSeconds) {
            if Files.exists(folder + "/dead") {
                let words = stack.words()
                try Files.remove(folder)
                throw Failure(words)
            }
            return Files.exists(folder + "/ready")
        }
        return stack
    }

    private init(_ folder: String, _ certificates: TestCertificates) throws {
        self.folder = folder
        self.certificates = certificates
        ports = [
            .keystone: try LoopbackPort.free(), .glance1: try LoopbackPort.free(),
            .glance2: try LoopbackPort.free(),
        ]
        let (brief, safeKeystone, safeGlance) = (
            try LoopbackPort.free(), try LoopbackPort.free(), try LoopbackPort.free()
        )
        keystoneURL = "http://127.0.0.1:\(ports[.keystone] ?? 0)/v3"
        briefKeystoneURL = "http://127.0.0.1:\(brief)/v3"
        safeKeystoneURL = "https://127.0.0.1:\(safeKeystone)/v3"
        safeGlanceURL = "https://127.0.0.1:\(safeGlance)"
        let fifo = folder + "/lifeline"
        guard mkfifo(fifo, 0o600) == 0 else { throw SystemError.last("cannot make \(fifo)") }
        let reader = try Descriptor(fifo, O_RDONLY | O_NONBLOCK)
        lifeline = try Descriptor(fifo, O_WRONLY)
        guard fcntl(reader.raw, F_SETFL, 0) == 0 else { throw SystemError.last("fcntl") }
        let log = try Descriptor(folder + "/script.log", O_WRONLY | O_CREAT)
        let root = Files.folder(of: Files.folder(of: Files.folder(of: "\(#filePath)")))
        keeper = try ChildProcess(
            Command(
                [
                    "\(root)/scripts/openstack.sh", folder,
                    "\(ports[.keystone] ?? 0)", "\(ports[.glance1] ?? 0)",
                    "\(ports[.glance2] ?? 0)",
                ],
                environment: Command.minimalEnvironment.merging([
                    "REMOVE": "1", "BRIEF_PORT": "\(brief)", "TLS": certificates.folder,
                    "TLS_PORTS": "\(safeKeystone) \(safeGlance)",
                ]) { $1 }),
            streams: .init(input: reader.raw, output: log.raw, error: log.raw))
    }

    public func port(_ service: Service) -> UInt16 { ports[service] ?? 0 }

    /// Kills a service as a power cut would. It stays down until `start`.
    public func kill(_ service: Service) async throws {
        try Files.replace("\(folder)/\(service.rawValue).down", with: [])
        let bytes = try Files.read("\(folder)/\(service.rawValue).pid", limitBytes: 64)
        guard let leader = Int32(String(decoding: bytes, as: UTF8.self).filter(\.isNumber)) else {
            throw Failure("\(service) has no process")
        }
        Glibc.kill(-leader, SIGKILL)
        try await eventually("\(service) is away") {
            try await !answers(service)
        }
    }

    public func start(_ service: Service) async throws {
        try Files.remove("\(folder)/\(service.rawValue).down")
        try await eventually("\(service) is back", seconds: 90) { try await answers(service) }
    }

    private func answers(_ service: Service) async throws -> Bool {
        let path = service == .keystone ? "/v3" : "/healthcheck"
        let answer = try? await http.request(
            "GET", "http://127.0.0.1:\(port(service))\(path)",
            timeouts: HTTPTimeouts(connectSeconds: 5, stallSeconds: 20))
        return answer?.status == 200
    }

    /// Creates a region whose Glance is at another address: that of a proxy in front of a real one.
    public func addRegion(_ name: String, imageURL: String) async throws {
        struct Services: Decodable {
            struct Service: Decodable { var id: String }
            var services: [Service]
        }
        let token = try await token("admin", project: "admin")
        let list = try await asAdmin("GET", "/services?type=image", token: token)
        let services = try JSONDecoder().decode(Services.self, from: Data(list)).services
        guard let service = services.first else { throw Failure("Keystone lists no Glance") }
        try await asAdmin("POST", "/regions", #"{"region":{"id":"\#(name)"}}"#, token: token)
        try await asAdmin(
            "POST", "/endpoints",
            #"{"endpoint":{"interface":"public","region_id":"\#(name)","url":"\#(imageURL)","#
                + #""service_id":"\#(service.id)"}}"#, token: token)
    }

    /// A user of a new domain, with the password `NAME-secret`, in a project of another.
    public func addUser(_ name: String, domain: String, memberOf project: String) async throws {
        struct Made: Decodable { var domain, user: Object? }
        struct Listed: Decodable { var roles, projects: [Object]? }
        struct Object: Decodable { var id: String }
        let token = try await token("admin", project: "admin")
        func made(_ path: String, _ body: String) async throws -> Made {
            let answer = try await asAdmin("POST", path, body, token: token)
            return try JSONDecoder().decode(Made.self, from: Data(answer))
        }
        func listed(_ path: String) async throws -> Listed {
            let answer = try await asAdmin("GET", path, token: token)
            return try JSONDecoder().decode(Listed.self, from: Data(answer))
        }
        let domainID = try await made("/domains", #"{"domain":{"name":"\#(domain)"}}"#).domain?.id
        let user = try await made(
            "/users",
            #"{"user":{"name":"\#(name)","password":"\#(name)-secret","#
                + #""domain_id":"\#(domainID ?? "")"}}"#
        ).user?.id
        let role = try await listed("/roles?name=member").roles?.first?.id
        let project = try await listed("/projects?name=\(project)").projects?.first?.id
        try await asAdmin(
            "PUT", "/projects/\(project ?? "")/users/\(user ?? "")/roles/\(role ?? "")",
            token: token)
    }

    /// Revokes all tokens of a user, as a password change does.
    public func revoke(token secret: String) async throws {
        let answer = try await http.request(
            "DELETE", keystoneURL + "/auth/tokens",
            headers: ["X-Auth-Token": secret, "X-Subject-Token": secret])
        guard answer.status == 204 else { throw Failure("revoking: \(answer.status)") }
    }

    /// Whether the second Glance, which asks Keystone each time, accepts a token.
    public func takes(token secret: String) async throws -> Bool {
        let answer = try await http.request(
            "GET", "http://127.0.0.1:\(port(.glance2))/v2/images?limit=1",
            headers: ["X-Auth-Token": secret])
        guard [200, 401].contains(answer.status) else {
            throw Failure("asking with a token: \(answer.status)")
        }
        return answer.status == 200
    }

    /// The first Glance's answer to the releasing user, for paths of lists and images.
    public func asReleaser(_ path: String) async throws -> [UInt8] {
        let token = try await token("releaser", project: "release")
        let answer = try await http.request(
            "GET", "http://127.0.0.1:\(port(.glance1))\(path)", headers: ["X-Auth-Token": token])
        guard answer.status == 200 else { throw Failure("GET \(path): \(answer.status)") }
        return answer.body
    }

    /// Makes an application credential of a user.
    public func applicationCredential(
        ofUser user: String, project: String
    ) async throws -> (id: String, secret: String) {
        struct Made: Decodable {
            struct Credential: Decodable { var id, secret: String }
            var application_credential: Credential
        }
        struct Known: Decodable {
            struct Token: Decodable {
                struct User: Decodable { var id: String }
                var user: User
            }
            var token: Token
        }
        let token = try await token(user, project: project)
        let known = try await http.request(
            "GET", keystoneURL + "/auth/tokens",
            headers: ["X-Auth-Token": token, "X-Subject-Token": token])
        let owner = try JSONDecoder().decode(Known.self, from: Data(known.body)).token.user.id
        let name = "test-\(UInt64.random(in: 0 ... .max))"
        let body = try await asAdmin(
            "POST", "/users/\(owner)/application_credentials",
            #"{"application_credential":{"name":"\#(name)"}}"#, token: token)
        let made = try JSONDecoder().decode(Made.self, from: Data(body)).application_credential
        return (made.id, made.secret)
    }

    private func token(_ user: String, project: String) async throws -> String {
        let domain = #""domain":{"name":"Default"}"#
        let body =
            #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"\#(user)","#
            + #"\#(domain),"password":"\#(user)-secret"}}},"#
            + #""scope":{"project":{"name":"\#(project)",\#(domain)}}}}"#
        let answer = try await http.request(
            "POST", keystoneURL + "/auth/tokens", headers: ["Content-Type": "application/json"],
            body: Array(body.utf8))
        guard let token = answer.headers["X-Subject-Token"] else {
            throw Failure("no login as \(user): \(answer.status)")
        }
        return token
    }

    @discardableResult
    private func asAdmin(
        _ method: String, _ path: String, _ body: String = "", token: String
    ) async throws -> [UInt8] {
        let answer = try await http.request(
            method, keystoneURL + path,
            headers: ["X-Auth-Token": token, "Content-Type": "application/json"],
            body: Array(body.utf8))
        guard answer.status < 300 else {
            throw Failure(
                "\(method) \(path): \(answer.status) "
                    + String(decoding: answer.body, as: UTF8.self))
        }
        return answer.body
    }

    private func words() -> String {
        let logs = (try? Files.list(folder + "/log")) ?? []
        return (["script.log"] + logs.map { "log/" + $0 }).map { name in
            let bytes = (try? Files.read("\(folder)/\(name)", limitBytes: 64 << 20)) ?? []
            return "\(name): " + String(decoding: bytes.suffix(1500), as: UTF8.self)
        }.joined(separator: "\n")
    }
}
