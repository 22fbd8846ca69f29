import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Testing

/// Bodies that are made to harm, at every endpoint that reads one from strangers' programs: hooks
/// and jobs of the original AIBuild.
@Suite(.timeLimit(.minutes(2))) struct HostileBodyTests {
    private static let paths = [
        "/api/v1/hooks/gitlab", "/v1/build", "/v1/guestos", "/v1/env", "/v1/test", "/v1/release",
        "/api/v1/guestos", "/api/v1/renames",
    ]

    private static func deep(_ opening: String, _ closing: String, _ levels: Int) -> String {
        String(repeating: opening, count: levels) + "1" + String(repeating: closing, count: levels)
    }

    private static let bodies: [(what: String, bytes: [UInt8])] = [
        ("nothing", []), ("only blanks", Array("   \n".utf8)), ("a NUL", [0]),
        ("deep lists", Array(deep("[", "]", 100_000).utf8)),
        ("deep lists, never closed", Array(String(repeating: "[", count: 500_000).utf8)),
        ("deep objects", Array(deep("{\"a\":", "}", 50_000).utf8)),
        (
            "depth in a field that nobody reads",
            Array(("{\"object_kind\":\"push\",\"x\":" + deep("[", "]", 100_000) + "}").utf8)
        ),
        (
            "depth in a field that is read",
            Array(("{\"image_name\":" + deep("[", "]", 5_000) + ",\"os_name\":\"a\"}").utf8)
        ),
        (
            "huge numbers",
            Array(
                ("{\"name\":1e999999,\"image_name\":-1e-999999,\"os_name\":"
                    + String(repeating: "9", count: 100_000) + "}").utf8)
        ),
        (
            "halves of characters",
            Array("{\"name\":\"\\ud800\",\"os_name\":\"\\udc00\\ud800\"}".utf8)
        ),
        ("escaped NULs", Array("{\"name\":\"\\u0000\",\"image_name\":\"a\\u0000b\"}".utf8)),
        (
            "a field twice",
            Array("{\"image_name\":\"a\",\"image_name\":\"b\",\"os_name\":\"c\"}".utf8)
        ),
        (
            "many fields",
            Array(
                ("{" + (0..<50_000).map { "\"f\($0)\":0" }.joined(separator: ",") + "}").utf8)
        ),
        ("a long name", Array(("{\"" + String(repeating: "k", count: 1 << 19) + "\":1}").utf8)),
        ("bytes that are not UTF-8", [0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x3A, 0x31, 0x7D]),
        ("UTF-16", [0xFF, 0xFE] + Array("{}".utf16).flatMap { [UInt8($0), 0] }),
        (
            "another format",
            Array("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>".utf8)
        ),
    ]

    @Test("A hostile JSON body is refused, and the coordinator goes on", arguments: paths)
    func json(path: String) async throws {
        let farm = try await LeaderAPI(templateServer: StillServer())
        for body in Self.bodies {
            let answer = await farm.api.respond(
                to: try HTTPRequest(
                    method: "POST", target: path,
                    headers: [
                        "Content-Type": "application/json", "Host": "127.0.0.1:9753",
                        "Authorization": "Bearer \(API.token)",
                        "X-Gitlab-Token": StillServer.secret,
                    ], body: body.bytes, remoteAddress: "127.0.0.1"))
            // GitLab switches a hook off that answers with an error.
            let isRight = path.contains("/hooks/") ? answer.status == 200 : answer.status < 500
            #expect(isRight, "\(body.what): \(answer.status)")
        }
        #expect(await farm.store.guestOSes(after: nil, limit: 9).isEmpty)
        #expect(await farm.store.buildLog(guestOSID: nil, limit: 9).count <= 1)
    }
}
