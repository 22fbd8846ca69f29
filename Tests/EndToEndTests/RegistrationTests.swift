import Support
import TestSupport
import Testing

/// Registering guest OSes from a spreadsheet with the installed programs.
@Suite(.timeLimit(.minutes(5))) struct RegistrationTests {
    /// The command's output, followed by its exit status unless that is 0.
    private func aibuild(_ farm: Farm, _ arguments: String) async throws -> String {
        let program = try FarmProgram.path("aibuild")
        return try await farm.shell(
            "AIBUILD_URL=\(farm.api.base) \(program) \(arguments) 2>&1 || echo \"exit $?\"")
    }

    @Test("A spreadsheet is imported, built from and exported without passwords")
    func spreadsheetRoundTrips() async throws {
        try await withFarm { farm in
            let folder = try farm.writeScript(
                "ubuntu1604", "printf x > \"$AIBUILD_OUTPUT/a.raw\"")
            let sheet = farm.folder + "/farm.xls"
            try Files.replace(
                sheet,
                with: try await Python.file(
                    """
                    import sys, xlwt
                    book = xlwt.Workbook()
                    envs = book.add_sheet('envs')
                    for column, name in enumerate(['index', 'env_name', 'auth_url',
                            'project_domain_name', 'user_domain_name', 'project_name', 'username',
                            'password', 'region']):
                        envs.write(0, column, name)
                    for column, value in enumerate([1, 'east', 'http://127.0.0.1:1/v3', 'Default',
                            'Default', 'images', 'aibuild', 'top-secret-word', 'RegionOne']):
                        envs.write(1, column, value)
                    guests = book.add_sheet('guestos')
                    rows = [['index', 'name', 'base_iso', 'type', 'distro', 'version', 'template'],
                            [1, 'ubuntu1604', 'u.iso', 'linux', 'ubuntu', 16.04, '\(folder)'],
                            [], [2, 'centos7', 'c.iso', 'Linux', 'centos', 7]]
                    for r, row in enumerate(rows):
                        for c, value in enumerate(row): guests.write(r, c, value)
                    cases = book.add_sheet('testcases')
                    for r, row in enumerate([['index', 'name', 'os_type'], [1, 'boots', 'linux']]):
                        for c, value in enumerate(row): cases.write(r, c, value)
                    book.save(sys.argv[1])
                    """))
            let dry = try await aibuild(farm, "import \(sheet) --dry-run")
            #expect(dry.contains("Dry run: nothing was changed"))
            #expect(try await aibuild(farm, "guestos list").contains("No guest OSes"))
            let first = try await aibuild(farm, "import \(sheet)")
            #expect(first.contains("guestos    2    0        0"), "\(first)")
            #expect(first.contains("centos7: no template is known yet"))
            let again = try await aibuild(farm, "import \(sheet)")
            #expect(again.contains("guestos    0    0        2"), "\(again)")
            #expect(again.contains("envs       0    0        1"), "\(again)")
            #expect(Files.kind(farm.webRoot + "/images/build/centos7") == .folder)

            let shown = try await aibuild(farm, "guestos show ubuntu1604")
            #expect(shown.contains("16.04"))
            #expect(try await aibuild(farm, "build ubuntu1604 --follow").contains("passed"))
            let refused = try await aibuild(farm, "build centos7")
            #expect(refused.contains("exit 4"))
            #expect(refused.contains("the template of centos7 is not known yet"))

            let out = farm.folder + "/out.xlsx"
            #expect(try await aibuild(farm, "export \(out)").contains("without passwords"))
            let reimport = try await aibuild(farm, "import \(out)")
            #expect(reimport.contains("guestos    0    0        2"), "\(reimport)")
            #expect(reimport.contains("envs       0    0        1"), "\(reimport)")
            try await Python.run(
                """
                import sys, zipfile
                with zipfile.ZipFile(sys.argv[1]) as z:
                    assert all(b'top-secret' not in z.read(name) for name in z.namelist())
                """, [out])
            // Neither in the database nor in the log.
            #expect(
                try await farm.shell("grep -rl top-secret-word coordinator coordinator.log || true")
                    == "")
        }
    }

    @Test("A registered guest OS gets its GitLab project and hook")
    func gitLabProjectAndHook() async throws {
        let gitlab = try await FakeGitLab.start()
        let folder = try TemporaryFolder()
        try Files.replace(folder.path + "/token", with: Array(FakeGitLab.token.utf8), mode: 0o600)
        try Files.replace(folder.path + "/hook", with: Array("hook-secret-of-tests".utf8))
        var setup = Farm.Setup()
        setup.hosts = 0
        setup.coordinatorLines = [
            "gitlab: {url: '\(gitlab.url)', token_file: \(folder.path)/token, "
                + "hook_url: 'http://builds1:9753/hook', hook_secret_file: \(folder.path)/hook}"
        ]
        try await withFarm(setup) { farm in
            let made = try await aibuild(farm, "guestos add debian12 --type linux")
            #expect(made.contains("debian12: project aibuild/debian12_tpl: created"), "\(made)")
            #expect(
                try await aibuild(farm, "guestos show debian12").contains(
                    "\(gitlab.url)/aibuild/debian12_tpl.git at its default branch"))
            let again = try await aibuild(farm, "guestos gitlab debian12")
            #expect(again.contains("hook to http://builds1:9753/hook exists"))
            let sheet = farm.folder + "/guestos.csv"
            try Files.replace(sheet, with: Array("index;name;type\n1;win2016;windows\n".utf8))
            #expect(try await aibuild(farm, "import \(sheet)").contains("win2016_tpl: created"))
            let state = try await gitlab.control()
            #expect(state.hooks.map(\.token) == ["hook-secret-of-tests", "hook-secret-of-tests"])

            // As GitLab reports a push; the project is empty, so that there is nothing to build.
            let report =
                #"{"object_kind":"push","ref":"refs/heads/main","after":"c0ffee","#
                + #""project":{"path_with_namespace":"aibuild/win2016_tpl"}}"#
            let hook = farm.api.base + "/api/v1/hooks/gitlab"
            let secret = " -H 'X-Gitlab-Token: hook-secret-of-tests'"
            let post = "curl -s -w '%{http_code}' -H 'Content-Type: application/json' \(hook)"
            let curl = post + " -d '\(report)'"
            let answer = try await farm.shell(curl + secret)
            #expect(answer == #"{"delivery":1,"state":"queued"}200"#, "\(answer)")
            let pipeline = try await farm.shell(
                post + secret + #" -d '{"object_kind":"pipeline"}'"#)
            #expect(pipeline.contains("pipeline events start no build"), "\(pipeline)")
            try await eventually("the first try to fetch failed") {
                try await aibuild(farm, "deliveries").contains("cannot fetch")
            }
            #expect(try await aibuild(farm, "deliveries show 1").contains("next try"))
            #expect(try await aibuild(farm, "hooks").contains("/api/v1/hooks/gitlab"))
            #expect(try await farm.shell(curl + " -H 'X-Gitlab-Token: x'").contains("401"))

            gitlab.stop()
            let alone = try await aibuild(farm, "guestos add alone --type linux")
            #expect(alone.contains("alone is registered, but not ready in GitLab"))
            #expect(try await aibuild(farm, "guestos gitlab alone").contains("exit 4"))
            #expect(
                try await farm.shell("grep -c \(FakeGitLab.token) coordinator.log || true")
                    == "0\n")
        }
    }
}
