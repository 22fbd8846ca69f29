import CoordinatorCore

/// Failures with the same first error, as documented in docs/api.md.
struct FailureView: Encodable {
    struct Only: Encodable {
        var host, baseImage, sinceCommit: String?
    }

    var id, text, firstAt, lastAt, lastBuild, words: String
    var step: String?
    var count: Int
    var hosts, guestOSes: [FailureGroup.Count]
    var only: Only?

    init(_ group: FailureGroup, at now: Int64) {
        id = group.fingerprint.id
        text = group.fingerprint.text
        step = group.fingerprint.step
        count = group.count
        firstAt = Time.text(group.firstMilliseconds)
        lastAt = Time.text(group.lastMilliseconds)
        lastBuild = group.lastBuild
        words = group.words(at: now)
        hosts = group.hosts
        guestOSes = group.guestOSes
        let found = group.only
        if found != FailureGroup.Only() {
            only = Only(
                host: found.host, baseImage: found.baseImage, sinceCommit: found.sinceCommit)
        }
    }
}
