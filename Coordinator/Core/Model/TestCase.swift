public import BuildProtocol
import TextKit

/// A test case for every guest OS of a type: a row of the historic table `testcases`.
public struct TestCase: Sendable, Hashable, Codable {
    public var id: String
    public var name: String
    public var osType: OSType
    /// `nil`: only a name, for results that other systems report.
    public var definition: TestDefinition?

    public init(id: String, name: String, osType: OSType, definition: TestDefinition? = nil) {
        self.id = id
        self.name = name
        self.osType = osType
        self.definition = definition
    }

    /// Whether both have the same name and OS type.
    public func isSame(_ other: TestCase) -> Bool { name == other.name && osType == other.osType }
}

/// What a registered case does.
public struct TestDefinition: Sendable, Hashable, Codable {
    public enum Builtin: String, Sendable, Codable, CaseIterable {
        case boot, shutdown
        case bootRepeated = "boot_repeated"
    }

    /// Exactly one of these three is set.
    public var builtin: Builtin?
    /// The text of a script that runs in the guest.
    public var script: String?
    /// The text of a program that runs on the agent's host, like the programs of templates.
    public var program: String?
    /// For `boot_repeated`.
    @OptionalBounded<CountBound> public var times: Int?
    @OptionalBounded<SecondsBound> public var limitSeconds: Int?

    public init(
        builtin: Builtin? = nil, script: String? = nil, program: String? = nil, times: Int? = nil,
        limitSeconds: Int? = nil
    ) {
        self.builtin = builtin
        self.script = script
        self.program = program
        self.times = times
        self.limitSeconds = limitSeconds
    }

    /// The limit of a script, a program or a shutdown if none is set.
    public static let defaultSeconds = 600

    /// What is wrong with it, for the person who registers it.
    public var problem: String? {
        let ways = [builtin != nil, script != nil, program != nil]
        guard ways.count(where: \.self) == 1 else {
            return "a test case needs exactly one of a builtin (boot, shutdown, boot_repeated), a "
                + "script and a program"
        }
        if (builtin == .bootRepeated) != (times != nil) {
            return "times is required for boot_repeated, and allowed only there"
        }
        if let times, !(2...ProtocolLimits.testBoots).contains(times) {
            return "times is \(times); use 2 to \(ProtocolLimits.testBoots)"
        }
        for (what, text) in [("script", script), ("program", program)] {
            guard let text else { continue }
            if text.isEmpty || text.utf8.count > ProtocolLimits.testScriptBytes {
                return "the \(what) has \(text.utf8.count) bytes; use 1 to "
                    + "\(ProtocolLimits.testScriptBytes), and put larger ones into the template"
            }
        }
        if let program, !program.hasPrefix("#!/") {
            return "the program's first line names no interpreter: begin it with "
                + "#!/bin/sh, #!/usr/bin/env python3 or the like"
        }
        if let limitSeconds, !(1...86_400).contains(limitSeconds) {
            return "the limit is \(limitSeconds) s; use 1 s to 24 h"
        }
        return nil
    }

    func planned(_ test: TestCase, in plan: TestPlan) -> PlannedTest {
        let kind: PlannedTest.Kind =
            switch builtin {
            case .boot: .boot
            case .shutdown: .shutdown
            case .bootRepeated: .bootRepeated
            case nil: program == nil ? .script : .program
            }
        let isAboutBooting = kind == .boot || kind == .bootRepeated
        let usual = isAboutBooting ? plan.bootSeconds : Self.defaultSeconds
        return PlannedTest(
            name: test.name, kind: kind, limitSeconds: limitSeconds ?? usual, times: times,
            text: script ?? program, id: test.id)
    }
}

/// A row of the historic table `test_log`, with the columns that aibuild adds.
public struct TestRecord: Sendable, Hashable, Codable {
    public var id: String
    public var build: String
    /// `nil` for a case of the template.
    public var caseID: String?
    /// `nil` for a result that another system reported.
    public var attempt: AttemptToken?
    public var imageName: String
    public var result: TestResult
    @Bounded<UnixTimeBound> public var testedMilliseconds: Int64

    public init(
        id: String, build: String, caseID: String?, attempt: AttemptToken?, imageName: String,
        result: TestResult, testedMilliseconds: Int64
    ) {
        self.id = id
        self.build = build
        self.caseID = caseID
        self.attempt = attempt
        self.imageName = imageName
        self.result = result
        self.testedMilliseconds = testedMilliseconds
    }

    /// Fits the historic column, and is the same each time that it is recorded.
    static func id(_ attempt: AttemptToken, _ index: Int) -> String {
        attempt.text + "-" + index.zeroPadded(3)
    }
}
