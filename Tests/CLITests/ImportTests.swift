import FoundationEssentials
import HTTPTypes
import Support
import TestSupport
import Testing

@testable import aibuild

@Suite("Import and export on the command line") struct ImportTests {
    private let folder: TemporaryFolder
    private let file: String

    init() throws {
        folder = try TemporaryFolder()
        file = folder.path + "/farm.xls"
        try Files.replace(file, with: Array("\u{0}bytes".utf8))
    }

    @Test("A file is sent as it is, and the result is shown") func importsAFile() async throws {
        let answer =
            #"{"dryRun":true,"sheets":[{"sheet":"guestos","new":2,"changed":1,"same":7}],"#
            + #""notices":["column E is not known"],"#
            + #""gitlab":[{"guestOS":"a","done":["hook: made"]},"#
            + #"{"guestOS":"b","done":[],"problem":"GitLab is \u001b[2J away"}]}"#
        try await withCoordinator({ $0.say("POST", "/api/v1/import", answer) }) { coordinator in
            let ran = await coordinator.run("import", file, "--dry-run", "--sheet", "guestos")
            #expect(ran.code == .ok)
            #expect(
                coordinator.lines == [
                    "POST /api/v1/import name=farm.xls sheet=guestos dry_run=true"
                ])
            #expect(coordinator.bodies == ["\u{0}bytes"])
            #expect(ran.out.contains("SHEET    NEW  CHANGED  UNCHANGED"))
            #expect(ran.out.contains("guestos  2    1        7"))
            #expect(ran.out.contains("Dry run: nothing was changed"))
            #expect(ran.out.contains("a: hook: made"))
            #expect(ran.err.contains("note: column E is not known"))
            #expect(ran.err.contains("b is registered, but not ready in GitLab"))
            #expect(ran.err.contains("aibuild guestos gitlab b"))
            #expect(!ran.err.contains("\u{1B}"))
            let json = await coordinator.run("import", file, "--json")
            #expect(json.out == answer + "\n")
        }
    }

    @Test("Every problem in a file is shown with its place") func showsProblems() async throws {
        let answer =
            #"{"type":"about:blank","title":"x","status":422,"detail":"there are 138 problems","#
            + #""remedy":"put all of it right","problems":[{"sheet":"guestos","row":7,"cell":"B7","#
            + #""column":"name","why":"is empty"},{"sheet":"envs","row":2,"column":"auth_url","#
            + #""why":"no such column"}],"moreProblems":136,"notices":["a note"]}"#
        try await withCoordinator({ $0.say("POST", "/api/v1/import", answer, status: 422) }) {
            coordinator in
            let ran = await coordinator.run("import", file)
            #expect(ran.code == .refused)
            #expect(ran.out.contains("guestos  B7     name      is empty"))
            #expect(ran.out.contains("envs     row 2  auth_url  no such column"))
            #expect(ran.out.contains("and 136 more"))
            #expect(ran.err.contains("there are 138 problems\nput all of it right"))
            let json = await coordinator.run("import", file, "--json")
            #expect(json.code == .refused && json.out == answer + "\n")
        }
    }

    @Test("Other refusals are shown as errors") func showsOtherRefusals() async throws {
        try await withCoordinator({
            $0.on("POST", "/api/v1/import") { _, _ in
                throw Problem.unprocessable("the file is protected by a password")
            }
        }) { coordinator in
            let ran = await coordinator.run("import", file)
            #expect(ran.code == .refused)
            #expect(ran.err == "aibuild: the file is protected by a password\n")
            #expect(await coordinator.run("import", file + "x").code == .usage)
            #expect(await coordinator.run("import", file, "--template", "--dry-run").code == .usage)
        }
    }

    @Test("The export is written to a file") func exportsToAFile() async throws {
        try await withCoordinator({ $0.say("GET", "/api/v1/export", "PK") }) { coordinator in
            let path = folder.path + "/out.xlsx"
            let ran = await coordinator.run("export", path)
            #expect(ran.out.contains("without passwords"))
            let written = try Files.read(path, limitBytes: 10)
            #expect(written == Array("PK".utf8))
            let empty = await coordinator.run("import", "--template", path)
            #expect(empty.code == .ok)
            #expect(
                coordinator.lines == ["GET /api/v1/export", "GET /api/v1/export empty=true"])
            let wrong = await coordinator.run("export", folder.path + "/out.csv")
            #expect(wrong.code == .usage)
            #expect(wrong.err.contains("must end in .xlsx"))
        }
    }

    @Test("A changed guest OS keeps what was not given") func changesAGuestOS() async throws {
        let known =
            #"{"id":"1","name":"d","type":"linux","distro":"debian","version":"12","owner":"o","#
            + #""template":{"kind":"git","url":"u","ref":"main"}}"#
        let made =
            known.dropLast() + #","gitlab":{"guestOS":"d","done":["project: made"]}}"#
        try await withCoordinator({ router in
            router.say("GET", "/api/v1/guestos/{name}", known)
            router.say("PUT", "/api/v1/guestos/{name}", known)
            router.say("POST", "/api/v1/guestos/{name}/gitlab", String(made))
        }) { coordinator in
            let ran = await coordinator.run(
                "guestos", "change", "d", "--ref", "stable", "--version", "12.1")
            #expect(ran.code == .ok, "\(ran.err)")
            let sent = coordinator.bodies.last ?? ""
            for text in [
                #""ref":"stable""#, #""version":"12.1""#, #""distro":"debian""#, #""url":"u""#,
            ] {
                #expect(sent.contains(text), "\(text)")
            }
            #expect(await coordinator.run("guestos", "gitlab", "d").out == "d: project: made\n")
        }
    }
}
