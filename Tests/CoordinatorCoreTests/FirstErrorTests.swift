import BuildProtocol
import Testing
import TextKit

@testable import CoordinatorCore

/// Logs as programs write them, shortened.
@Suite struct FirstErrorTests {
    private static let packer = [
        "building: packer build a.json", "==> mini: Retrieving ISO",
        "==> mini: Waiting for SSH to become available...", "==> mini: Connected to SSH!",
        "==> mini: Provisioning with shell script: scripts/base.sh",
        "    mini: cp: cannot stat '/etc/optional': No such file or directory",
        "    mini: done", "==> mini: Provisioning with shell script: scripts/setup.sh",
    ]
    private static let ending = [
        "==> mini: Provisioning step had errors: Running the cleanup provisioner, if present...",
        "==> mini: Deleting output directory...",
        "e Build 'mini' errored: Script exited with non-zero exit status: 100",
    ]

    /// `e ` before a line of standard error; notes of the agent have no prefix of Packer.
    private func search(_ lines: [String]) -> FirstError? {
        var search = FirstErrorSearch()
        for (index, line) in lines.enumerated() {
            let isError = line.hasPrefix("e ")
            let isNote = line.hasPrefix("building") || line.hasPrefix("test ")
            search.take(
                LogLine(
                    number: index + 1, stream: isError ? .err : isNote ? .sys : .out,
                    text: isError ? String(line.dropFirst(2)) : line))
        }
        return search.found
    }

    @Test(
        "The error of the script that failed is found, whatever installs, downloads or runs",
        arguments: [
            (
                [
                    "    mini: Reading package lists...",
                    "e ==> mini: E: Unable to locate package foo-bar",
                ],
                "E: Unable to locate package foo-bar"
            ),
            (
                [
                    "e ==> mini: dpkg: error processing package a (--configure):",
                    "e ==> mini: E: Sub-process /usr/bin/dpkg returned an error code (1)",
                ],
                "dpkg: error processing package a (--configure):"
            ),
            (
                [
                    "    mini: No match for argument: foo",
                    "e ==> mini: Error: Unable to find a match: foo",
                ],
                "No match for argument: foo"
            ),
            (
                [
                    "    mini: ERROR: Could not find a version that satisfies the requirement a==9",
                    "    mini: ERROR: No matching distribution found for a==9",
                ],
                "ERROR: Could not find a version that satisfies the requirement a==9"
            ),
            (
                ["e ==> mini: curl: (6) Could not resolve host: nowhere.example"],
                "curl: (6) Could not resolve host: nowhere.example"
            ),
            (
                ["e ==> mini: fatal: repository 'https://g/x' not found"],
                "fatal: repository 'https://g/x' not found"
            ),
            (
                ["e ==> mini: /tmp/script_12.sh: line 3: foo: command not found"],
                "/tmp/script_12.sh: line 3: foo: command not found"
            ),
            (
                [
                    "e ==> mini: grep: /a: No such file or directory", "    mini: going on",
                    "e ==> mini: sh: 7: bar: not found",
                ], "sh: 7: bar: not found"
            ),
            (
                ["e ==> mini: /tmp/script.sh: line 9: NAME: unbound variable"],
                "/tmp/script.sh: line 9: NAME: unbound variable"
            ),
            (
                [
                    "    mini: TASK [a] ****",
                    "    mini: fatal: [default]: FAILED! => {\"msg\": \"no\"}",
                    "    mini: ...ignoring",
                    "    mini: fatal: [default]: FAILED! => {\"msg\": \"yes\"}",
                ],
                "fatal: [default]: FAILED! => {\"msg\": \"yes\"}"
            ),
            (
                ["    mini: make: *** [Makefile:3: all] Error 2"],
                "make: *** [Makefile:3: all] Error 2"
            ),
            (
                ["    mini: tar: x: Cannot write: No space left on device"],
                "tar: x: Cannot write: No space left on device"
            ),
        ] as [([String], String)])
    func known(output: [String], error: String) {
        let found = search(Self.packer + output + Self.ending)
        #expect(found?.line.text == error)
        #expect(found?.step == "provisioner (shell script: scripts/setup.sh)")
    }

    @Test(
        "What an earlier step survived, and what Packer does after the failure, is no error of it")
    func otherSteps() {
        #expect(search(Self.packer + ["    mini: quiet"] + Self.ending) == nil)
        let after = ["==> mini: Deleting output directory...", "e ==> mini: E: too late"]
        #expect(search(Self.packer + after) == nil)
    }

    @Test("Two lines before and after show where it happened") func around() throws {
        let lines = Self.packer + ["    mini: a", "    mini: b", "    mini: E: no", "    mini: c"]
        let found = try #require(search(lines + Self.ending))
        #expect(found.line.number == Self.packer.count + 3)
        #expect(
            found.around.map(\.text) == [
                "    mini: a", "    mini: b", "    mini: E: no", "    mini: c", Self.ending[0],
            ])
    }

    @Test("Of several sources, the error and the step are those of the one that failed")
    func severalSources() throws {
        let found = try #require(
            search([
                "==> qemu: Starting HTTP server on port 8712",
                "==> amazon-ebs: Prevalidating AMI Name: debian12",
                "e ==> amazon-ebs: Error: AMI Name debian12 is used by an existing AMI",
                "e Build 'amazon-ebs' errored after 1 second: Error: AMI Name debian12 is used",
                "==> qemu: Converting hard drive...", "    qemu: mv: Permission denied",
                "Build 'qemu' finished after 9 seconds.",
                "e ==> Some builds didn't complete successfully and had errors:",
                "e --> amazon-ebs: Error: AMI Name debian12 is used by an existing AMI",
            ]))
        #expect(found.line.number == 3)
        #expect(found.step == "the step \"Prevalidating AMI Name: debian12\"")
    }

    @Test("Packer's summary of a failed post-processor hides nothing of its script")
    func postProcessor() throws {
        let found = try #require(
            search([
                "==> qemu: Running post-processor: shell-local",
                "    qemu (shell-local): a", "e ==> qemu (shell-local): sh: 2: source: not found",
                "e Build 'qemu' errored after 9 s: 1 error(s) occurred:",
                "e * Post-processor failed: Script exited with non-zero exit status: 127",
            ]))
        #expect(found.line.text.hasSuffix("sh: 2: source: not found"))
    }

    @Test("A build command and a test case are steps as well") func otherPrograms() throws {
        let command = search(["building: ./build.sh", "a", "e ./build.sh: line 2: mkfs: not found"])
        #expect(command?.line.text == "./build.sh: line 2: mkfs: not found")
        #expect(command?.step == nil)
        let test = search([
            "building: testing x", "test 1 of 2: boots", "E: not this",
            "test 1 of 2: boots passed (8 s)",
            "test 2 of 2: system", "[ 1.2] Kernel panic - not syncing: VFS",
        ])
        #expect(test?.step == "test 2 of 2: system")
        #expect(test?.line.text == "[ 1.2] Kernel panic - not syncing: VFS")
    }

    @Test("The reason begins with step, error and line, and repeats nothing of Packer's summary")
    func reason() throws {
        let long = String(repeating: "x", count: 500)
        let lines = Self.packer + ["    mini: \(long)", "    mini: E: no package"] + Self.ending
        let error = try #require(search(lines))
        let said = "Packer ended with exit status 1:\nScript exited with non-zero exit status: 100"
        let text = FailureReason.text(said + "\n\u{1B}[31mred\u{1B}[0m", error)
        #expect(
            text.hasPrefix(
                "provisioner (shell script: scripts/setup.sh) failed: E: no package "
                    + "(line 10 of the log)\n  8 | "))
        #expect(text.contains("\n> 10 |     mini: E: no package\n"))
        #expect(text.contains("\nPacker ended with exit status 1:\nScript exited with"))
        #expect(text.contains("\nred\n") && !text.contains("\u{1B}"))
        #expect(text.hasSuffix("(Long lines are cut here; the log has them whole.)"))
        #expect(text.utf8.count < 1500)
        #expect(FailureReason.text("a\nb", nil) == "a\nb")
    }

    @Test("Records become lines, however a piece of the log is cut, and skipped ones are counted")
    func lines() throws {
        let records = [
            LogRecord(t: 1, s: .out, m: "one"), LogRecord(t: 1, s: .out, m: "tw", more: true),
            LogRecord(t: 1, s: .out, m: "o"), LogRecord(t: 1, s: .out, m: "open", more: true),
            LogRecord(t: 1, s: .err, m: "50 %\r\u{1B}[31m100 %\u{1B}[0m"),
        ]
        var bytes: [UInt8] = []
        for record in records { bytes += try CanonicalJSON.encode(record) + [0x0A] }
        for size in [1, 7, bytes.count] {
            var log = LogLines()
            var found: [LogLine] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                found += log.take(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(found.map(\.text) == ["one", "two", "open", "100 %"])
            #expect(found.map(\.number) == [1, 2, 3, 4])
        }
        var skipping = LogLines(after: 10)
        skipping.skip(bytes)
        #expect(skipping.number == 14)
        skipping = LogLines()
        skipping.skip(
            Array("{\"t\":1,\"s\":\"out\",\"m\":\"tw\",\"more\":true}\n".utf8)
                + Array("{\"t\":1,\"s\":\"out\",\"m\":\"o\"}\n{\"t\":1,\"s\":".utf8))
        skipping.skip(Array("\"err\",\"m\":\"x\"}\n".utf8))
        let next = try CanonicalJSON.encode(LogRecord(t: 1, s: .out, m: "next")) + [0x0A]
        #expect(skipping.take(next).map(\.number) == [3])
    }
}
