import BuildProtocol
import CoordinatorCore
import FoundationEssentials

/// `build.json`, which stands beside a published image and says where it came from.
enum BuildRecord {
    private struct Record: Encodable {
        var build: String
        var guestOS: String
        var number: Int
        var imageName: String
        var attempt: AttemptToken
        var host: String
        var accelerator: Accelerator?
        var commit: String?
        var templateSHA256: String
        var baseImage: BaseImage?
        var reason: String
        var submittedAt: Date
        var startedAt: Date
        var endedAt: Date
        var artifacts: [Artifact]
        var logBytes: Int64
        var logSHA256: String
    }

    static func encode(
        _ build: Build, token: AttemptToken, host: String, _ finished: Finished
    ) throws -> [UInt8] {
        let record = Record(
            build: build.id, guestOS: build.guestOS, number: build.number,
            imageName: build.imageName, attempt: token, host: host,
            accelerator: finished.accelerator, commit: build.plan.commit,
            templateSHA256: build.plan.template.sha256, baseImage: build.plan.recipe.baseImage,
            reason: build.updateContents, submittedAt: date(build.submittedMilliseconds),
            startedAt: date(finished.startedUnixMilliseconds),
            endedAt: date(finished.endedUnixMilliseconds), artifacts: finished.artifacts,
            logBytes: finished.logBytes, logSHA256: finished.logSHA256)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return Array(try encoder.encode(record)) + [0x0A]
    }

    private static func date(_ unixMilliseconds: Int64) -> Date {
        Date(timeIntervalSince1970: Double(unixMilliseconds) / 1000)
    }
}
