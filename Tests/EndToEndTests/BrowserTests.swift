import ProcessKit
import Support
import TestSupport
import Testing

/// What people do on the pages, in a real browser: it sends headers that no test would think of.
@Suite(.timeLimit(.minutes(5))) struct BrowserTests {
    private static let password = "correct horse battery"

    private func withAnna(_ body: (Farm, Browser) async throws -> Void) async throws {
        try await withFarm(.withoutHosts) { farm in
            let file = "\(farm.folder)/password"
            try Files.replace(file, with: Self.password.utf8)
            let added = try await farm.aibuild([
                "user", "add", "anna", "--role", "operator", "--password-file", file,
            ])
            #expect(added.status == .exited(0), "\(added)")
            try await body(farm, try await Browser.start())
        }
    }

    private func signIn(_ browser: Browser, _ password: String) async throws {
        try await browser.type("anna", into: "input[name=name]")
        try await browser.type(password, into: "input[name=password]")
        try await browser.click("form.sign-in button")
    }

    @Test("A person is asked to sign in, does, gets where they wanted, and signs out")
    func signsIn() async throws {
        try await withAnna { farm, browser in
            let base = farm.api.base
            try await browser.open(base + "/account")
            try await browser.arrives(at: base + "/sign-in?to=%2Faccount")
            try await signIn(browser, "wrong horse battery")
            try await browser.reads("The name or the password is wrong")
            try await browser.open(base + "/account")
            try await signIn(browser, Self.password)
            try await browser.arrives(at: base + "/account")
            try await browser.reads("operator, no team")
            try await browser.click("form[action='/sign-out'] button")
            try await browser.arrives(at: base + "/sign-in")
            try await browser.open(base + "/account")
            try await browser.arrives(at: base + "/sign-in?to=%2Faccount")
        }
    }

    @Test("A person allows a command line on a page, and it is signed in") func allows()
        async throws
    {
        try await withAnna { farm, browser in
            let variables = [
                "HOME": farm.folder + "/anna", "AIBUILD_TOKEN": "", "AIBUILD_URL": farm.api.base,
            ]
            let program = try FarmProgram(
                "aibuild", ["login", "--browser"], logPath: farm.folder + "/login.log",
                environment: variables)
            let address = try await eventually("the address is printed") {
                program.log.firstMatch(of: /http:\S+/).map { String($0.output) }
            }
            try await browser.open(address)
            try await signIn(browser, Self.password)
            try await browser.reads("Sign in a command line")
            try await browser.click("form[action='/account/command-line'] button")
            try await browser.reads("The command line is signed in")
            #expect(try await program.exit() == .exited(0), "\(program.log)")
        }
    }
}
