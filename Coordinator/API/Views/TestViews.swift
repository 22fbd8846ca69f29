import BuildProtocol
import CoordinatorCore

/// One result of a test case.
struct TestView: Encodable {
    var name, result, detail, testedAt: String
    var seconds: Double
    /// URL of its part of the log; `nil` for a result reported by another system.
    var log: String?
    var attempt: AttemptToken?

    init(_ record: TestRecord) {
        name = record.result.name
        result = record.result.result.rawValue
        detail = record.result.detail
        testedAt = Time.text(record.testedMilliseconds)
        seconds = Double(record.result.milliseconds) / 1000
        attempt = record.attempt
        log = record.attempt.map { attempt in
            "/api/v1/builds/\(record.build)/log?attempt=\(attempt)"
                + "&from=\(record.result.logFrom)&to=\(record.result.logTo)"
        }
    }
}

struct TestCaseView: Encodable {
    var id, name, osType: String
    var definition: TestDefinition?

    init(_ testCase: TestCase) {
        id = testCase.id
        name = testCase.name
        osType = testCase.osType.rawValue
        definition = testCase.definition
    }
}
