import Testing

@testable import CoordinatorCore

/// Names and texts in spreadsheets as people and their programs write them.
struct RegistryNamesTests {
    private func table(_ name: String, _ rows: [[SheetValue]]) -> SheetTable {
        SheetTable(
            name: name, columns: "ABCDEFGHIJ".map(String.init),
            rows: rows.enumerated().map { .init(number: 1 + $0, values: $1) })
    }

    private func texts(_ words: String...) -> [SheetValue] {
        words.map { $0.isEmpty ? .empty : .text($0) }
    }

    private func read(_ tables: SheetTable...) -> (rows: RegistryRows, problems: ImportProblems) {
        var problems = ImportProblems(limit: 5)
        let rows = RegistryRows(SheetFile(tables: tables), only: nil, &problems)
        return (rows, problems)
    }

    private func plan(_ tables: SheetTable...) -> (plan: RegistryPlan, problems: ImportProblems) {
        var problems = ImportProblems(limit: 5)
        let rows = RegistryRows(SheetFile(tables: tables), only: nil, &problems)
        let plan = RegistryPlan(
            rows, known: RegistrySnapshot(), atMilliseconds: 77, template: { _ in .missing },
            &problems, newID: { "new-id" })
        return (plan, problems)
    }

    @Test("Names and passwords are taken as people have them")
    func namesOfPeople() {
        let (plan, problems) = plan(
            table(
                "guestos",
                [
                    texts("Name *", "ｂａｓｅ＿ｉｓｏ", "\u{FEFF}ty\u{200B}pe:", "dis tro"),
                    texts("镜像7.5", " u.iso\u{A0}", "linux\r", "Red\u{A0}Hat"),
                    texts("\u{200B}debian12\u{FEFF}", "", "linux", ""),
                ]),
            table(
                "envs",
                [
                    texts("env_name", "auth_url", "project_name", "username", "password"),
                    texts("prod-北京", "http://k:5000/v3", "管理", "用户", " p,\"w\n1\u{200B}"),
                ]))
        #expect(problems.isEmpty, "\(problems.shown)")
        let made = plan.batch.newGuestOSes
        #expect(made.map(\.name) == ["镜像7.5", "debian12"])
        #expect(made[0].baseISO == "u.iso" && made[0].distro == "Red Hat")
        let entry = plan.batch.newEnvironments.first
        #expect(entry?.environment.name == "prod-北京")
        #expect(entry?.secret?.reveal == " p,\"w\n1\u{200B}", "a password is taken as it is")
    }

    @Test("What is left out or doubtful is said, and never a password")
    func remarks() {
        let (rows, problems) = read(
            table(
                "envs",
                [
                    texts("env_name", "auth_url", "project_name", "username", "password"),
                    texts("la\u{200B}b", "http://k", "p", "u", "secret-word\n"),
                    [.text("c"), .text("http://k"), .text("p"), .text("u")]
                        + [.number(1.5e19)],
                ]))
        #expect(rows.notices.count == 2)
        #expect(rows.notices[0].contains("left out of A2") && rows.notices[1].contains("in E2"))
        #expect(!rows.notices.joined().contains("secret-word"))
        #expect(problems.shown.map(\.cell) == ["E3"])
        #expect(problems.shown[0].why.contains("more than 15 digits"))
    }

    @Test(
        "A sheet is found under the name that programs and browsers give it",
        arguments: [
            ("guestos", "guestos"), ("Guest OS", "guestos"), ("guestos - Table 1", "guestos"),
            ("farm - guestos", "guestos"), ("farm - guestos (1)", "guestos"),
            ("envs（2）", "envs"), ("test_cases", "testcases"), ("\u{FEFF}envs\u{A0}", "envs"),
            ("guests", nil), ("guestos2", nil), ("Table 1", nil),
        ] as [(String, String?)])
    func sheetNames(name: String, sheet: String?) {
        #expect(ImportSheet(named: name)?.rawValue == sheet)
    }
}
