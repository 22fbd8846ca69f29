import FoundationEssentials
import ProcessKit
import Support
import Testing

/// The scripts of the pages, run by Node.js with as much of a browser as they use.
@Suite("Scripts of the web page") struct PageScriptTests {
    private static let assets =
        Files.folder(of: Files.folder(of: Files.folder(of: #filePath)))
        + "/Coordinator/API/Pages/Assets"

    private static let browser = """
        const elements = {};
        const element = () => ({
          dataset: { build: "b1", looks: '{"building":["active","▶"],"failed":["bad","✕"]}' },
          append(...all) { this.children.push(...all); }, setAttribute() {},
          textContent: "", hidden: true, children: [],
          addEventListener() {}, replaceChildren(...all) { this.children = all; },
          classList: { toggle() {} } });
        const listeners = {}, timers = [], stream = { close() {} };
        Object.assign(globalThis, {
          document: {
            getElementById: id => elements[id] ||= element(),
            querySelector: name => elements[name] ||= element(), createElement: element },
          follow(url, all) { Object.assign(listeners, all); },
          setInterval() {}, setTimeout(body) { timers.push(body); },
          location: { reload() { console.log("reload"); } },
          buildLog: { grow() {}, end() {} } });
        """

    private func run(_ script: String, before: String = "", then: String) async throws -> String {
        let source = try Files.read(Self.assets + "/" + script, limitBytes: 1 << 20)
        let program = Self.browser + before + String(decoding: source, as: UTF8.self) + then
        let result = try await Command(
            ["node", "-e", program], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        try #require(result.status.isSuccess, "\(result.stderrText)")
        return result.stdoutText
    }

    @Test("A build that fails while it is watched shows its reason without a reload")
    func failureIsShown() async throws {
        let shown = try await run(
            "build.js",
            then: """
                ;const tell = (name, build) => listeners[name](
                  { data: JSON.stringify(build) }, stream);
                tell("state", { state: "building", phase: "booting" });
                console.log(elements.fault.hidden);
                tell("end", { state: "failed", fault: { reason: "E: no package\\nline two" } });
                console.log(elements.fault.hidden, elements.fault.textContent);
                console.log(elements.state.children[0].className);
                """)
        #expect(shown == "true\nfalse E: no package\nline two\nstate bad\n")
    }
}
