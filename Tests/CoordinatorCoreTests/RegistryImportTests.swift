import Testing

@testable import CoordinatorCore

/// Rows of spreadsheets become registrations, or problems with their positions.
struct RegistryImportTests {
    private func table(_ name: String, _ rows: [[SheetValue]], from first: Int = 1) -> SheetTable {
        SheetTable(
            name: name, columns: "ABCDEFGHIJKLMNOPQRSTUVWXYZ".map(String.init),
            rows: rows.enumerated().map { .init(number: first + $0, values: $1) })
    }

    private func texts(_ words: String...) -> [SheetValue] {
        words.map { $0.isEmpty ? .empty : .text($0) }
    }

    private func read(
        _ tables: SheetTable..., only: ImportSheet? = nil, isText: Bool = false
    ) -> (rows: RegistryRows, problems: ImportProblems) {
        var problems = ImportProblems(limit: 5)
        let rows = RegistryRows(
            SheetFile(tables: tables, isText: isText), only: only, &problems)
        return (rows, problems)
    }

    private func plan(
        _ tables: SheetTable..., known: RegistrySnapshot = RegistrySnapshot(),
        template: (String) -> TemplateSource = { _ in .missing }
    ) -> (plan: RegistryPlan, problems: ImportProblems) {
        var problems = ImportProblems(limit: 5)
        let rows = RegistryRows(SheetFile(tables: tables), only: nil, &problems)
        let plan = RegistryPlan(
            rows, known: known, atMilliseconds: 77, template: template, &problems,
            newID: { "new-id" })
        return (plan, problems)
    }

    private func known(_ guestOS: GuestOS) -> RegistrySnapshot {
        var known = RegistrySnapshot()
        known.guestOSes[guestOS.name] = guestOS
        return known
    }

    @Test("A path stays with its repository, and goes with another one or an empty cell")
    func paths() throws {
        var guestOS = guestOS("debian12", .git(url: "https://g/t.git", ref: "v1"))
        guestOS.templatePath = "images/a"
        func planned(_ columns: [SheetValue], _ cells: [SheetValue]) throws -> GuestOS {
            let (plan, problems) = plan(
                table(
                    "guestos",
                    [
                        texts("name", "type") + columns,
                        texts("debian12", "linux") + cells,
                    ]), known: known(guestOS))
            #expect(problems.isEmpty, "\(problems.shown)")
            return try #require(plan.guestOSes.first)
        }
        let same = try planned(texts("template"), texts("https://g/t.git"))
        #expect(same == guestOS)
        #expect(try planned([], []) == guestOS)
        let other = try planned(texts("template"), texts("https://g/u.git"))
        #expect(other.templatePath == nil)
        #expect(try planned(texts("path"), texts("")).templatePath == nil)
        #expect(try planned(texts("path"), texts("images/b")).templatePath == "images/b")
    }

    @Test(
        "A path that cannot be is refused in its cell, also without a template in the row",
        arguments: [
            (TemplateSource.folder(path: "/srv/t"), "images/a", "needs a Git repository"),
            (.git(url: "https://g/t.git", ref: "v1"), "../x", "is not a folder of the repository"),
            (.missing, "images/a", "needs a Git repository"),
        ])
    func refusedPaths(_ template: TemplateSource, path: String, why: String) throws {
        let (_, problems) = plan(
            table("guestos", [texts("name", "type", "path"), texts("d", "linux", path)]),
            known: known(guestOS("d", template)))
        let problem = try #require(problems.shown.first)
        #expect(problem.why.description.contains(why) && problem.column == "path")
    }

    private func guestOS(_ name: String, _ template: TemplateSource) -> GuestOS {
        GuestOS(
            id: "g", name: name, type: .linux, distro: "", version: "", baseISO: "",
            template: template, owner: "default", createdMilliseconds: 0)
    }

    // MARK: Reading

    @Test("Columns are found by their names, in any order")
    func columnNames() throws {
        let sheet = table(
            " Guest_OS ",
            [
                texts("Index", "VERSION", " base ISO", "Type", "remarks", "name", "Distro"),
                [.number(1), .number(16.04), .text("u.iso"), .text("Linux"), .text("x")]
                    + texts(" ubuntu1604 ", "ubuntu"),
                [.number(2), .number(7), .empty, .text("LINUX"), .empty] + texts("centos7", ""),
                [.number(3)],
                [.number(4), .number(1804.0), .empty, .text("windows"), .empty] + texts("w", "x"),
            ])
        let (plan, problems) = plan(sheet)
        #expect(problems.isEmpty, "\(problems.shown)")
        let made = plan.batch.newGuestOSes
        #expect(made.map(\.name) == ["ubuntu1604", "centos7", "w"])
        #expect(made.map(\.version) == ["16.04", "7", "1804"])
        #expect(made.map(\.type) == [.linux, .linux, .windows])
        #expect(made[0].baseISO == "u.iso")
        #expect(made[0].id == "new-id" && made[0].createdMilliseconds == 77)
        #expect(plan.counts == [.init(sheet: "guestos", new: 3)])
        let (rows, _) = read(sheet)
        #expect(rows.notices.count == 1)
        #expect(rows.notices[0].contains("column E ('remarks') is unknown"))
    }

    @Test("Every problem is reported with its position")
    func problemPositions() {
        let (_, problems) = read(
            table(
                "guestos",
                [
                    texts("index", "name", "type", "distro", "version", "template", "ref"),
                    texts("1", "a b", "linux"), texts("2", "", "linux"),
                    texts("3", "c", "amiga"),
                    [.text("4"), .text("d"), .text("linux"), .bool(true), .date("2018-04-16")],
                    [.text("5"), .text("e"), .fault("#DIV/0!")],
                ]))
        #expect(problems.count == 6)
        #expect(problems.more == 1)
        #expect(
            problems.shown.map(\.cell) == ["B2", "B3", "C4", "D5", "E5"], "\(problems.shown)")
        #expect(problems.shown[1].why == "is empty")
        #expect(problems.shown[2].why == "is 'amiga'; use linux or windows")
        #expect(problems.shown[3].why == "is TRUE, not text")
        #expect(problems.shown[4].why.hasPrefix("is the date 2018-04-16, not text"))
        #expect(problems.shown.allSatisfy { $0.sheet == "guestos" && $0.row != nil })
    }

    @Test("Each problem of a row is reported, and a name that occurs twice even then")
    func problemsOfOneRow() {
        let (_, problems) = read(
            table(
                "guestos",
                [
                    texts("name", "base_iso", "type", "owner", "template"),
                    [.text("dup"), .fault("#DIV/0!"), .text("plan9"), .text("a b")]
                        + texts("somewhere"),
                    texts("dup", "", "linux"),
                ]),
            table(
                "envs",
                [
                    texts("env_name", "auth_url", "project_name", "username", "password"),
                    [.text("a b"), .empty, .bool(true), .text("u"), .text("p")],
                ]))
        #expect(problems.count == 8)
        let (_, all) = read(
            table(
                "envs",
                [
                    texts("env_name", "auth_url", "project_name", "username"),
                    [.text("a b"), .empty, .bool(true), .date("2018-04-16")],
                ]))
        #expect(all.shown.map(\.cell) == ["C2", "D2", "B2", "A2"])
    }

    @Test("A template needs an address")
    func templateAddress() {
        let (rows, problems) = read(
            table(
                "guestos",
                [texts("index", "name", "type", "template", "ref")]
                    + [
                        texts("", "a", "linux", "/srv/a"),
                        texts("", "b", "linux", "https://g/b.git", "v1"),
                        texts("", "c", "linux", "git@g:x/c.git"),
                        texts("", "d", "linux", "somewhere"),
                        texts("", "e", "linux", "/srv/e", "main"),
                    ]))
        #expect(rows.guestOSes.count == 3)
        #expect(
            rows.guestOSes.map(\.template) == [
                .folder(path: "/srv/a"), .git(url: "https://g/b.git", ref: "v1"),
                .git(url: "git@g:x/c.git", ref: "HEAD"),
            ])
        #expect(problems.shown.map(\.cell) == ["D5", "E6"])
    }

    @Test("Duplicates are errors, but for test cases of different types")
    func duplicates() {
        let (_, problems) = read(
            table(
                "guestos",
                [texts("name", "type")]
                    + ["a", "b", "A", "a"].map { texts($0, "linux") }),
            table(
                "testcases",
                [
                    texts("name", "os_type"), texts("boots", "linux"), texts("boots", "windows"),
                    texts("boots", "Linux"),
                ]))
        #expect(problems.shown.map(\.why) == ["is in row 2 already", "is in row 2 already"])
        #expect(problems.shown.map(\.cell) == ["A5", "A4"])
    }

    @Test("Unknown headers and sheets are reported")
    func unknownHeaders() {
        let header = texts("name", "type")
        #expect(
            read(table("guestos", [texts("name", "name", "type")])).problems.shown.first?.why
                == "the column occurs twice")
        let missing = read(table("guestos", [texts("title"), texts("a")])).problems
        #expect(missing.shown.map(\.column) == ["name", "type"], "\(missing.shown)")
        #expect(
            read(table("guestos", [header]), table("Guest OS", [header])).problems.shown.first?.why
                == "the file has two sheets of this name; merge them")
        let nothing = read(table("Tabelle1", [header])).problems
        #expect(nothing.shown.first?.why.contains("'Tabelle1'") == true)
        #expect(read(table("guestos", [])).problems.isEmpty)
        let beside = read(table("guestos", [header]), table("notes", [header]))
        #expect(beside.problems.isEmpty)
        #expect(beside.rows.notices.first?.hasPrefix("not imported: 'notes'") == true)
    }

    @Test("One sheet can be chosen, and names a text file")
    func chosenSheet() {
        let header = texts("name", "type")
        let guests = table("guestos", [header, texts("a", "linux")])
        let cases = table("testcases", [texts("name", "os_type"), texts("b", "linux")])
        #expect(read(guests, cases, only: .testcases).rows.guestOSes.isEmpty)
        #expect(read(guests, only: .envs).problems.count == 1)
        let text = table("systems", guests.rows.map(\.values))
        #expect(read(text, isText: true).problems.shown.first?.why.contains("guestos.csv") == true)
        #expect(read(text, only: .guestos, isText: true).rows.guestOSes.count == 1)
    }

    // MARK: Comparing

    private let debian = GuestOS(
        id: "1", name: "debian", type: .linux, distro: "debian", version: "12", baseISO: "d.iso",
        template: .git(url: "https://g/d.git", ref: "stable"), owner: "team",
        createdMilliseconds: 5)

    /// Values without a column are kept; empty cells make them empty.
    @Test("A second import updates")
    func secondImport() {
        let header = texts("index", "name", "type", "version", "template", "owner")
        let same = plan(
            table("guestos", [header, texts("1", "debian", "linux", "12")]), known: known(debian))
        #expect(same.plan.counts == [.init(sheet: "guestos", same: 1)])
        #expect(same.plan.batch.isEmpty)
        let changed = plan(
            table("guestos", [header, texts("1", "debian", "linux", "", "https://g/d.git", "b")]),
            known: known(debian))
        var wanted = debian
        wanted.version = ""
        wanted.owner = "b"
        #expect(changed.plan.batch.changedGuestOSes == [wanted])
        #expect(changed.plan.newTemplates.isEmpty)
        let moved = plan(
            table("guestos", [header, texts("1", "debian", "linux", "12", "https://g/new.git")]),
            known: known(debian))
        #expect(moved.plan.newTemplates.map(\.place.cell) == ["E2"])
        #expect(
            moved.plan.batch.changedGuestOSes.first?.template
                == .git(url: "https://g/new.git", ref: "HEAD"))
    }

    @Test("A missing template is on the Git server, or stays missing")
    func missingTemplate() {
        let sheet = table(
            "guestos",
            [texts("name", "type", "ref"), texts("a", "linux"), texts("b", "linux", "v")])
        let without = plan(sheet)
        #expect(without.problems.shown.map(\.why.description).first?.contains("'ref'") == true)
        let with = plan(sheet, template: { .git(url: "https://gl/\($0).git", ref: "main") })
        #expect(with.problems.isEmpty)
        #expect(
            with.plan.guestOSes.map(\.template) == [
                .git(url: "https://gl/a.git", ref: "main"), .git(url: "https://gl/b.git", ref: "v"),
            ])
        var migrated = debian
        migrated.template = .missing
        let kept = plan(
            table("guestos", [texts("name", "type"), texts("debian", "linux")]),
            known: known(migrated))
        #expect(kept.plan.counts.first?.same == 1)
    }

    // MARK: Environments

    private let environments = [
        "index", "env_name", "auth_url", "project_domain_name", "user_domain_name",
        "project_name", "username", "password", "region",
    ]

    private func environment(
        _ password: String, region: String = "R1", url: String = "https://k:5000/v3",
        user: String = "u"
    ) -> SheetTable {
        table(
            "envs",
            [
                environments.map { .text($0) },
                texts("1", "east", url, "", "D2", "p", user, password, region),
            ])
    }

    @Test("Environments keep their passwords and what the sheet leaves out")
    func keptSettings() throws {
        let first = plan(environment(" se cret "))
        #expect(first.problems.isEmpty, "\(first.problems.shown)")
        let made = try #require(first.plan.batch.newEnvironments.first)
        #expect(made.secret == Secret(" se cret "))
        guard case .openstack(var settings) = made.environment.settings else {
            Issue.record("another kind")
            return
        }
        #expect(settings.projectDomain == "Default" && settings.userDomain == "D2")
        #expect(settings.format == .raw && settings.visibility == .public)

        var known = RegistrySnapshot()
        settings.keep = 7
        var environment = made.environment
        environment.settings = .openstack(settings)
        environment.policy = ReleasePolicy(needsApproval: true)
        known.environments["east"] = environment
        known.secrets["east"] = made.secret
        #expect(plan(self.environment(""), known: known).plan.counts.first?.same == 1)
        #expect(plan(self.environment(" se cret "), known: known).plan.counts.first?.same == 1)
        let other = plan(self.environment("new", region: ""), known: known)
        let entry = try #require(other.plan.batch.changedEnvironments.first)
        #expect(entry.secret == Secret("new"))
        guard case .openstack(let changed) = entry.environment.settings else { return }
        #expect(changed.region == "" && changed.keep == 7)
        #expect(made.environment.policy == ReleasePolicy())
        #expect(entry.environment.policy == environment.policy, "no sheet can loosen it")
    }

    @Test("A sheet that moves an environment has its password as well")
    func movedEnvironmentNeedsItsPassword() throws {
        let made = try #require(plan(environment("secret")).plan.batch.newEnvironments.first)
        var known = RegistrySnapshot()
        known.environments["east"] = made.environment
        known.secrets["east"] = made.secret
        for moved in [
            { (password: String) in self.environment(password, url: "https://mine") },
            { (password: String) in self.environment(password, user: "root") },
        ] {
            let refused = plan(moved(""), known: known).problems.shown
            #expect(refused.map(\.cell) == ["H2"])
            #expect(plan(moved("secret"), known: known).problems.isEmpty)
            #expect(plan(moved("new"), known: known).problems.isEmpty)
        }
        #expect(plan(environment("", region: "R2"), known: known).problems.isEmpty)
    }

    @Test("Problems of environments never contain the password")
    func passwordIsNeverShown() {
        let (_, problems) = plan(
            table(
                "envs",
                [
                    environments.map { .text($0) },
                    texts("1", "new", "https://k:5000", "", "", "p", "u", ""),
                    texts("2", "bad", "gopher://k", "", "", "p", "u", "hunter2"),
                    texts("3", "ctl", "https://k", "", "", "p", "u", "hun\nter2"),
                ]))
        #expect(Set(problems.shown.map(\.cell)) == ["H2", "C3"], "\(problems.shown)")
        #expect(!"\(problems)".contains("hunter"))
    }

    // MARK: Writing

    @Test("An export can be imported without any change")
    func roundTrip() {
        var debian = debian
        debian.variables = ["release": "bookworm", "motd": "two\nlines"]
        var known = known(debian)
        known.testCases = [TestCase(id: "t", name: "boots", osType: .windows)]
        let made = plan(environment("secret")).plan.batch.newEnvironments[0]
        known.environments["east"] = made.environment
        known.secrets["east"] = made.secret
        let tables = RegistryExport.tables(known)
        #expect(!"\(tables)".contains("secret"))
        let again = tables.map { name, rows in
            table(name, rows.map { $0.map { $0.isEmpty ? .empty : .text($0) } })
        }
        var problems = ImportProblems(limit: 5)
        let rows = RegistryRows(SheetFile(tables: again), only: nil, &problems)
        let plan = RegistryPlan(
            rows, known: known, atMilliseconds: 9, template: { _ in .missing },
            &problems, newID: { "x" })
        #expect(problems.isEmpty, "\(problems.shown)")
        #expect(plan.counts.map(\.same) == [1, 1, 1])
        #expect(RegistryExport.tables(RegistrySnapshot()).map(\.rows.count) == [1, 1, 1])
    }
}
