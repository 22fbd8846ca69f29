import BuildProtocol
import CoordinatorCore
import YAMLKit

/// `tests:` of `aibuild.yml`.
enum TemplateTestPlan {
    private enum Builtin: String, CaseIterable { case boot, shutdown, boot_repeated }

    /// - Parameter requirements: those of the build, which are the default of the test's.
    static func read(
        _ yaml: YAMLMapping, _ requirements: Requirements
    ) throws(YAMLError) -> ImageTests? {
        guard let section = try yaml.takeIfPresent("tests", .mapping) else { return nil }
        var tests = ImageTests(requirements: requirements)
        let needs = tests.requirements
        tests.requirements.vcpus = try section.take("vcpus", .int(1...1024), default: needs.vcpus)
        tests.requirements.memoryBytes = try section.take(
            "memory", .sizeBytes, default: needs.memoryBytes)
        tests.requirements.diskBytes = try section.take(
            "disk", .sizeBytes, default: needs.diskBytes)
        var plan = tests.plan
        plan.login = try login(section)
        plan.port = try section.take("port", .int(1...65_535), default: plan.port)
        plan.bootSeconds = try section.take("boot_limit", .seconds, default: plan.bootSeconds)
        plan.disk = try section.take("disk_bus", .word, default: plan.disk)
        plan.network = try section.take("network", .word, default: plan.network)
        plan.firmware = try section.takeIfPresent("firmware", .word)
        plan.online = try section.takeIfPresent("online", .bool)
        tests.skip = try section.take("skip", .list(of: .string), default: [])
        let cases = try section.take("cases", .list(of: .mapping), default: [])
        guard cases.count <= ProtocolLimits.testCases else {
            throw section.error("cases", "at most \(ProtocolLimits.testCases) are allowed")
        }
        for item in cases {
            let test = try self.test(item, plan)
            guard !plan.cases.contains(where: { $0.name == test.name }) else {
                throw item.error("name", "there is a test case \(Names.quoted(test.name)) already")
            }
            plan.cases.append(test)
        }
        tests.plan = plan
        return tests
    }

    private static func login(_ section: YAMLMapping) throws(YAMLError) -> GuestLogin? {
        guard let login = try section.takeIfPresent("login", .mapping) else { return nil }
        let user = try login.take("user", .string.checked { Names.problem($0, what: "user") })
        let key = try login.takeIfPresent("key", .innerPath)
        let password = try login.takeIfPresent("password_file", .innerPath)
        let cloudInit = try login.take("cloud_init", .bool, default: false)
        switch (key, password, cloudInit) {
        case (let key?, nil, false): return GuestLogin(user: user, method: .key, path: key)
        case (nil, let path?, false): return GuestLogin(user: user, method: .password, path: path)
        case (nil, nil, true): return GuestLogin(user: user, method: .cloudInit)
        default:
            throw section.error(
                "login", "expected one of key: PATH, password_file: PATH and cloud_init: true")
        }
    }

    private static func test(
        _ item: YAMLMapping, _ plan: TestPlan
    ) throws(YAMLError) -> PlannedTest {
        let name = try item.take(
            "name", .string.checked { Names.titleProblem($0, what: "name of the test case") })
        let builtin = try item.takeIfPresent("builtin", YAMLType<Builtin>.word)
        let script = try item.takeIfPresent("script", .innerPath)
        let program = try item.takeIfPresent("program", .command)
        let times = try item.takeIfPresent("times", .int(2...ProtocolLimits.testBoots))
        let limit = try item.takeIfPresent("limit", .seconds)
        let kind: PlannedTest.Kind
        switch (builtin, script, program) {
        case (.boot?, nil, nil): kind = .boot
        case (.shutdown?, nil, nil): kind = .shutdown
        case (.boot_repeated?, nil, nil): kind = .bootRepeated
        case (nil, _?, nil): kind = .script
        case (nil, nil, _?): kind = .program
        default:
            throw item.error("name", "expected one of builtin, script and program beside it")
        }
        guard (kind == .bootRepeated) == (times != nil) else {
            throw item.error("times", "is required for boot_repeated, and allowed only there")
        }
        guard kind != .script || plan.login != nil else {
            throw item.error("script", "needs a login: under tests")
        }
        let usual =
            kind == .boot || kind == .bootRepeated
            ? plan.bootSeconds : TestDefinition.defaultSeconds
        return PlannedTest(
            name: name, kind: kind, limitSeconds: limit ?? usual, times: times, path: script,
            command: program)
    }
}

extension YAMLType where Value == Int {
    /// A duration in seconds.
    fileprivate static var seconds: YAMLType {
        .durationSeconds.checked { (1...86_400).contains($0) ? nil : "expected 1s to 24h" }
    }
}
