import BuildProtocol
import CoordinatorCore

/// The life of a build machine as text: one line per event, `event -> effects [stage]`.
enum MachineScript {
    static let token = AttemptToken(high: 0, low: 7)
    static let tests = TestPlan(cases: [
        PlannedTest(name: "boots", kind: .boot, limitSeconds: 9)
    ])

    /// What the machine really does, in the same notation.
    static func played(_ script: String) -> String {
        var machine = BuildMachine()
        return script.split(separator: "\n").map { line in
            let event = String(line.prefix { $0 != "-" }).trimmed
            if event.hasPrefix("#") { return String(line) }
            if event.hasPrefix("resume") {
                machine = BuildMachine(
                    stage: event.contains("running") ? .running : .dispatching,
                    tests: event.contains("test") ? tests : nil,
                    publishes: !event.contains("unpublished"),
                    cancelReason: event.contains("cancelled") ? "enough" : nil)
                return "\(event) -> [\(name(machine.stage))]"
            }
            guard let known = Self.event(event) else { return "unknown event '\(event)'" }
            let effects = machine.handle(known).map(word)
            let said = effects.isEmpty ? "nothing" : effects.joined(separator: ", ")
            return "\(event) -> \(said) [\(name(machine.stage))]"
        }.joined(separator: "\n")
    }

    // MARK: Events

    static let events: [(String, BuildEvent)] = [
        ("connected", .connected(hasTemplate: false, summary: nil)),
        ("connected, has the template", .connected(hasTemplate: true, summary: nil)),
        (
            "connected, has the attempt",
            .connected(
                hasTemplate: true,
                summary: AttemptSummary(attempt: token, state: .building, logBytes: 9))
        ),
        ("disconnected", .disconnected),
        ("template delivered", .templateDelivered),
        ("phase accepted", .phase(Phase(attempt: token, state: .accepted))),
        ("phase building", .phase(Phase(attempt: token, state: .building))),
        ("error templateMissing", refusal(.templateMissing)),
        ("error refused", refusal(.refused)),
        ("error unknownAttempt", refusal(.unknownAttempt)),
        ("error internal", refusal(.internal)),
        ("error malformed", refusal(.malformed)),
        ("finished, passed", .finished(finished(nil))),
        ("finished, passed without an image", .finished(finished(nil, artifacts: []))),
        (
            "finished, template fault",
            .finished(finished(Fault(.template, .packerFailed, "words"), artifacts: []))
        ),
        (
            "finished, cancelled",
            .finished(finished(Fault(.cancelled, .cancelled, "enough"), artifacts: []))
        ),
        ("log incomplete", .logIncomplete),
        ("log matches", .logChecked(matches: true)),
        ("log differs", .logChecked(matches: false)),
        ("collected", .collected),
        (
            "published",
            .published(
                PublishedImage(
                    name: "i.qcow2", path: "p", url: "u", sizeBytes: 1, sha256: "s",
                    format: .qcow2, virtualSizeBytes: nil))
        ),
        ("host lost", .failed(Fault(.infrastructure, .hostLost, "why"))),
        ("superseded", .superseded),
        ("cancel", .cancel("enough")),
        ("evict", .evict("moved")),
    ]

    /// The events of a test attempt.
    private static let testEvents: [(String, BuildEvent)] = [
        ("finished, every test passed", .finished(tested(.passed))),
        ("finished, a test failed", .finished(tested(.failed))),
    ]

    private static func event(_ text: String) -> BuildEvent? {
        (events + testEvents).first { $0.0 == text }?.1
    }

    private static func refusal(_ code: ErrorReport.Code) -> BuildEvent {
        .refused(ErrorReport(code: code, message: "no", attempt: token))
    }

    /// With a file that no test may leave, and the result of an unknown case.
    static func tested(_ verdict: TestResult.Verdict) -> Finished {
        let fault = verdict == .passed ? nil : Fault(.template, .testFailed, "words")
        var finished = finished(fault)
        finished.tests = ["boots", "other"].map { name in
            TestResult(name: name, result: verdict, milliseconds: 1, logFrom: 0, logTo: 9)
        }
        return finished
    }

    static func finished(
        _ fault: Fault?,
        artifacts: [Artifact] = [Artifact(name: "i", sizeBytes: 1, sha256: "s", format: .qcow2)]
    ) -> Finished {
        Finished(
            attempt: token, outcome: Outcome(fault: fault), logBytes: 9, logSHA256: "l",
            artifacts: artifacts, accelerator: .tcg, startedUnixMilliseconds: 1,
            endedUnixMilliseconds: 2)
    }

    // MARK: Words

    static func name(_ stage: BuildMachine.Stage) -> String {
        switch stage {
        case .dispatching: "dispatching"
        case .running: "running"
        case .checking: "checking"
        case .collecting: "collecting"
        case .publishing: "publishing"
        case .ended: "ended"
        }
    }

    static func word(_ effect: BuildEffect) -> String {
        switch effect {
        case .deliverTemplate: "deliver template"
        case .start: "start"
        case .follow: "follow"
        case .sendCancel: "send cancel"
        case .note(let phase): "note \(phase.state.rawValue)"
        case .checkLog: "check log"
        case .resetLog: "reset log"
        case .advance(let state): "record \(state.rawValue)"
        case .collect: "collect"
        case .publish: "publish"
        case .relinquish: "relinquish"
        case .end(let end, let image):
            "end " + (end.outcome.fault?.code.rawValue ?? "passed")
                + (image == nil ? "" : " with image") + (end.logBytes == nil ? "" : " and log")
                + (end.tests.isEmpty
                    ? "" : ", results of " + end.tests.map(\.name).joined(separator: ", "))
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
