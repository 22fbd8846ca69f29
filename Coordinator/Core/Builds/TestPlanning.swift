public import BuildProtocol

/// Which test cases a build's image must pass; fixed when the build is submitted.
public enum TestPlanning {
    /// The plan with the registered cases before the template's own.
    ///
    /// - Parameter registered: the cases of the guest OS's type.
    /// - Throws: `TemplateFault` if the template lacks something that a case needs.
    public static func combine(
        _ plan: BuildPlan, registered: [TestCase]
    ) throws(TemplateFault) -> BuildPlan {
        var tests = plan.tests ?? ImageTests(requirements: plan.requirements)
        let own = Set(tests.plan.cases.map(\.name))
        var cases: [PlannedTest] = []
        for test in registered where !tests.skip.contains(test.name) {
            guard let definition = test.definition else { continue }
            guard !own.contains(test.name) else {
                throw TemplateFault(
                    "the test case \(Names.quoted(test.name)) of aibuild.yml has the name of one "
                        + "that is registered for \(test.osType.rawValue): rename it, or put the "
                        + "name under tests: skip:")
            }
            cases.append(definition.planned(test, in: tests.plan))
        }
        cases += tests.plan.cases
        tests.plan.cases = cases
        if let problem = problem(tests.plan) { throw TemplateFault(problem) }
        var combined = plan
        combined.tests = cases.isEmpty ? nil : tests
        return combined
    }

    private static func problem(_ plan: TestPlan) -> String? {
        guard plan.cases.count <= ProtocolLimits.testCases else {
            return "\(plan.cases.count) test cases apply; at most \(ProtocolLimits.testCases) are "
                + "allowed: put some of the registered ones under tests: skip:"
        }
        let scriptBytes = plan.cases.reduce(0) { $0 + ($1.text?.utf8.count ?? 0) }
        guard scriptBytes <= ProtocolLimits.testScriptsBytes else {
            return "the scripts and programs of the registered test cases have \(scriptBytes) "
                + "bytes together; at most \(ProtocolLimits.testScriptsBytes) are allowed"
        }
        if plan.login == nil, let test = plan.cases.first(where: \.needsLogin) {
            return "the test case \(Names.quoted(test.name)) runs a script in the guest, and "
                + "aibuild.yml does not say how to log in: add tests: login:, or put the case "
                + "under tests: skip:"
        }
        return nil
    }

    /// Why the results do not prove that the image passed, although the agent reports that it did.
    public static func gap(_ results: [TestResult], in plan: TestPlan) -> String? {
        for test in plan.cases {
            guard let result = results.first(where: { $0.name == test.name }) else {
                return "the agent reports that every test passed, but has no result of "
                    + Names.quoted(test.name)
            }
            guard result.result == .passed else {
                return "the agent reports that every test passed, but not "
                    + Names.quoted(test.name)
            }
        }
        return nil
    }

    /// The results that are accepted from an agent: those of the plan's cases.
    public static func accepted(_ results: [TestResult], in plan: TestPlan) -> [TestResult] {
        plan.cases.compactMap { test in
            results.first { $0.name == test.name }
        }
    }
}
