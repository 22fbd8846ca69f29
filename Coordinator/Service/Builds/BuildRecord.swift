import BuildProtocol
import CoordinatorCore
import TextKit

/// `build.json`, the record of origin beside a published image.
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
        var submittedAt: String
        var startedAt: String
        var endedAt: String
        /// The artifact that is published as the image.
        var image: String?
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
            reason: build.updateContents, submittedAt: time(build.submittedMilliseconds),
            startedAt: time(finished.startedUnixMilliseconds),
            endedAt: time(finished.endedUnixMilliseconds),
            image: ArtifactOrder(finished.artifacts, of: build).sorted.first?.name,
            // A record has a digest of each file; those of its chunks are for the transfer.
            artifacts: finished.artifacts.map(\.withoutChunks),
            logBytes: finished.logBytes, logSHA256: finished.logSHA256)
        return try CanonicalJSON.encode(record, isPretty: true)
    }

    private static func time(_ unixMilliseconds: Int64) -> String {
        UTCTime(unixMilliseconds: unixMilliseconds).rfc3339
    }
}
