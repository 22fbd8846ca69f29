import BuildProtocol
import CoordinatorCore
import YAMLKit

/// `tests:` of `aibuild.yml`.
enum TemplateTestPlan {
    private typealias Keys = TemplateTestKeys

    /// - Parameter requirements: those of the build, which are the default of the test's.
    static func read(
        _ yaml: YAMLMapping, _ requirements: Requirements
    ) throws(YAMLError) -> ImageTests? {
        guard let section = try yaml.takeIfPresent(TemplateKeys.tests) else { return nil }
        var tests = ImageTests(requirements: requirements)
        let needs = tests.requirements
        tests.requirements.vcpus = try section.take(Keys.vcpus, default: needs.vcpus)
        tests.requirements.memoryBytes = try section.take(
            Keys.memory, default: needs.memoryBytes)
        tests.requirements.diskBytes = try section.take(
            Keys.disk, default: needs.diskBytes)
        var plan = tests.plan
        plan.login = try login(section)
        plan.port = try section.take(Keys.port, default: plan.port)
        plan.bootSeconds = try section.take(Keys.bootLimit, default: plan.bootSeconds)
        plan.disk = try section.take(Keys.diskBus, default: plan.disk)
        plan.network = try section.take(Keys.network, default: plan.network)
        plan.firmware = try section.takeIfPresent(Keys.firmware)
        plan.online = try section.takeIfPresent(Keys.online)
        tests.skip = try section.take(Keys.skip, default: [])
        let cases = try section.take(Keys.cases, default: [])
        guard cases.count <= ProtocolLimits.testCases else {
            throw section.error(Keys.cases, "at most \(ProtocolLimits.testCases) are allowed")
        }
        for item in cases {
            let test = try self.test(item, plan)
            guard !plan.cases.contains(where: { $0.name == test.name }) else {
                throw item.error(
                    Keys.Case.name, "there is a test case \(Names.quoted(test.name)) already")
            }
            plan.cases.append(test)
        }
        tests.plan = plan
        return tests
    }

    private static func login(_ section: YAMLMapping) throws(YAMLError) -> GuestLogin? {
        guard let login = try section.takeIfPresent(Keys.login) else { return nil }
        let user = try login.take(Keys.Login.user)
        let key = try login.takeIfPresent(Keys.Login.key)
        let password = try login.takeIfPresent(Keys.Login.passwordFile)
        let cloudInit = try login.take(Keys.Login.cloudInit, default: false)
        switch (key, password, cloudInit) {
        case (let key?, nil, false): return GuestLogin(user: user, method: .key, path: key)
        case (nil, let path?, false): return GuestLogin(user: user, method: .password, path: path)
        case (nil, nil, true): return GuestLogin(user: user, method: .cloudInit)
        default:
            throw section.error(
                Keys.login, "expected one of key: PATH, password_file: PATH and cloud_init: true")
        }
    }

    private static func test(
        _ item: YAMLMapping, _ plan: TestPlan
    ) throws(YAMLError) -> PlannedTest {
        let name = try item.take(Keys.Case.name)
        let builtin = try item.takeIfPresent(Keys.Case.builtin)
        let script = try item.takeIfPresent(Keys.Case.script)
        let program = try item.takeIfPresent(Keys.Case.program)
        let times = try item.takeIfPresent(Keys.Case.times)
        let limit = try item.takeIfPresent(Keys.Case.limit)
        let kind: PlannedTest.Kind
        switch (builtin, script, program) {
        case (.boot?, nil, nil): kind = .boot
        case (.shutdown?, nil, nil): kind = .shutdown
        case (.boot_repeated?, nil, nil): kind = .bootRepeated
        case (nil, _?, nil): kind = .script
        case (nil, nil, _?): kind = .program
        default:
            throw item.error(
                Keys.Case.name, "expected one of builtin, script and program beside it")
        }
        guard (kind == .bootRepeated) == (times != nil) else {
            throw item.error(
                Keys.Case.times, "is required for boot_repeated, and allowed only there")
        }
        guard kind != .script || plan.login != nil else {
            throw item.error(Keys.Case.script, "needs a login: under tests")
        }
        let usual =
            kind == .boot || kind == .bootRepeated
            ? plan.bootSeconds : TestDefinition.defaultSeconds
        return PlannedTest(
            name: name, kind: kind, limitSeconds: limit ?? usual, times: times, path: script,
            command: program)
    }
}
