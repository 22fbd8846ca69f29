import FoundationEssentials
import Glibc
import HTTPClientKit
import HTTPTypes
import Support

/// `aibuild-coordinator admin-token`: how the first administrator gets in. Whoever may read the
/// token of this machine has every right anyway. The coordinator that runs is asked, because only
/// it has the database.
enum AdminTokenCommand {
    private struct Code: Decodable { var path: String }

    static func run(_ configuration: Configuration) async throws {
        let file = configuration.apiTokenFile
        let token: String
        do {
            token = String(decoding: try Files.read(file, limitBytes: 4096), as: UTF8.self)
                .filter { !$0.isWhitespace }
        } catch {
            throw Failure(
                "\(error). The coordinator makes it at its first start; run this command as root "
                    + "or as the coordinator's user")
        }
        let local = configuration.api.localURL(port: configuration.api.port)
        var limits = HTTPClientLimits()
        // A standby leads to its leader.
        limits.trustedRedirects = 3
        let answer: HTTPAnswer
        do {
            answer = try await HTTPClient(limits: limits, tls: APISettings.ownTLS).request(
                "POST", local + "/api/v1/sign-in-codes",
                headers: [
                    "Authorization": "Bearer \(token)", "Content-Type": "application/json",
                ], body: Array("{}".utf8))
        } catch {
            throw Failure("\(error). The coordinator must be running: start it first")
        }
        guard answer.status == 201,
            let code = try? JSONDecoder().decode(Code.self, from: Data(answer.body))
        else { throw Failure("\(local) answered with status \(answer.status): see its log") }
        print(configuration.api.url + code.path)
    }
}
