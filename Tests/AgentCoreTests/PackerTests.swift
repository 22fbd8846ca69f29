@testable import AgentCore
import BuildProtocol
import FoundationEssentials
import PackerKit
import Testing
import TextKit

@Suite struct PackerOutputTests {
    /// What Packer 1.6.6 printed for a null builder whose script failed.
    private let failing = #"""
        1795256508,,ui,say,==> null: Running local shell script: /tmp/packer-shell479418785
        1795256508,,ui,message,    null: hi%!(PACKER_COMMA) there
        1795256508,,ui,error,==> null: err
        1795256508,,ui,error,Build 'null' errored after 6 milliseconds: Script exited with 3.
        1795256508,,ui,say,\n==> Wait completed after 6 milliseconds 180 microseconds
        1795256508,,error-count,1
        1795256508,,ui,error,\n==> Some builds didn't complete successfully and had errors:
        1795256508,null,error,Script exited with 3.
        1795256508,,ui,error,--> null: Script exited with 3.
        """#

    private func run(_ lines: String) -> (PackerOutput, [String]) {
        var output = PackerOutput()
        var shown: [String] = []
        for line in lines.split(separator: "\n") {
            for printed in output.output(Array(line.utf8)) {
                shown.append(
                    "\(printed.stream.rawValue) \(String(decoding: printed.text, as: UTF8.self))")
            }
        }
        return (output, shown)
    }

    @Test("UI messages of Packer are shown, and its errors become the reason")
    func uiMessagesAreShown() {
        let (output, shown) = run(failing)
        #expect(shown[1] == "out     null: hi, there\n")
        #expect(shown[2] == "err ==> null: err\n")
        #expect(shown[4] == "out ==> Wait completed after 6 milliseconds 180 microseconds\n")
        #expect(shown.count == 7)
        #expect(output.reason == "Script exited with 3.\n==> null: err")
        #expect(output.files == [])
    }

    @Test("The provisioner that begins is named by its number in the template")
    func provisionersAreNumbered() {
        var output = PackerOutput(provisioners: [
            ProvisionerBlock(type: "shell", files: 2), ProvisionerBlock(type: "file", files: 1),
            ProvisionerBlock(type: "shell", files: 1), ProvisionerBlock(type: "shell", files: nil),
            ProvisionerBlock(type: "ansible", files: 1),
        ])
        let numbers = [
            "Provisioning with shell script: a", "Provisioning with shell script: b",
            "Uploading x => y", "Provisioning with shell script: c", "Waiting for SSH",
            "Provisioning with shell script: d", "Provisioning with shell script: e",
            "Provisioning with Ansible...",
        ].map { said -> String in
            let shown = output.output(Array("1,,ui,say,==> qemu: \(said)".utf8))
            return shown.filter { $0.stream == .sys }.map {
                String(decoding: $0.text, as: UTF8.self)
            }
            .joined()
        }
        let wanted = ["1", "1", "2", "3", "", "4", "", ""]
        #expect(numbers == wanted.map { $0.isEmpty ? "" : "provisioner \($0)\n" })
        var guest = PackerOutput(provisioners: [ProvisionerBlock(type: "file", files: 1)])
        #expect(guest.output(Array("1,,ui,message,    qemu: Uploading x".utf8)).count == 1)
    }

    @Test("Artifact files are collected in order, each once")
    func artifactFilesAreCollected() {
        let (output, shown) = run(
            #"""
            1795256508,qemu,artifact-count,1
            1795256508,qemu,artifact,0,builder-id,packer.file
            1795256508,qemu,artifact,0,files-count,2
            1795256508,qemu,artifact,0,file,0,out/a%!(PACKER_COMMA)b.qcow2
            1795256508,qemu,artifact,0,file,1,/abs/c.qcow2
            1795256508,qemu,artifact,0,end
            1795256508,qemu,artifact,1,file,0,/abs/c.qcow2
            """#)
        #expect(output.files == ["out/a,b.qcow2", "/abs/c.qcow2"])
        #expect(shown == [])
    }

    @Test("The number of artifact files is bounded")
    func artifactFilesAreBounded() {
        var output = PackerOutput()
        for index in 0..<1000 { _ = output.output(Array("1,q,artifact,0,file,0,f\(index)".utf8)) }
        #expect(output.files.count == ProtocolLimits.artifactsPerAttempt)
    }

    @Test(
        "Lines that are not machine-readable are shown raw",
        arguments: ["panic: runtime error", "", "a,b,c", "12,x", "12,,UI,say,x", ",,ui,say,x"])
    func otherLinesAreShownRaw(line: String) {
        var output = PackerOutput()
        let printed = output.output(Array(line.utf8))
        #expect(printed == [.init(stream: .out, text: Array((line + "\n").utf8))])
    }

    @Test("Messages keep any bytes") func messagesKeepAnyBytes() throws {
        var output = PackerOutput()
        let printed = output.output(Array("1,,ui,message,".utf8) + [0xFF, 0x00, 0x41])
        #expect(printed.map(\.text) == [[0xFF, 0x00, 0x41, 0x0A]])
    }

    @Test("QEMU's PID and stderr are found in Packer's debug log")
    func qemuOutputIsFoundInDebugLog() throws {
        var output = PackerOutput()
        let prefix = "2026/11/21 10:30:18 packer-builder-qemu plugin: "
        #expect(output.debug(Array((prefix + "Started Qemu. Pid: 25239").utf8)) == nil)
        #expect(output.qemuPIDs == [25239])
        let printed = output.debug(Array((prefix + "Qemu stderr: -x: invalid option").utf8))
        #expect(try #require(printed).text == Array("qemu: -x: invalid option\n".utf8))
        #expect(output.debug(Array("panic: x".utf8)) != nil)
        _ = output.output(Array("1,qemu,error,Build was halted.".utf8))
        #expect(output.reason == "Build was halted.\nqemu: -x: invalid option")
    }

    @Test("The debug log does not count as output")
    func debugLogDoesNotResetSilence() {
        var sink = PackerSink()
        var records: [UInt8] = []
        func take(_ text: String, _ stream: LogRecord.Stream) -> Bool {
            Array(text.utf8).withUnsafeBytes {
                sink.take($0, of: stream, unixMilliseconds: 1, into: &records)
            }
        }
        #expect(!take("2026/11/21 10:30:18 packer plugin: [DEBUG] handshaking\n", .err))
        #expect(!take("1,,ui,say,half a li", .out))
        #expect(take("ne\n", .out))
        #expect(
            String(decoding: records, as: UTF8.self)
                == #"{"t":1,"s":"out","m":"half a line"}"# + "\n")
    }
}

@Suite struct PackerVariablesTests {
    private func offer(accelerator: Accelerator? = .tcg) -> PackerVariables.Offer {
        PackerVariables.Offer(
            outputFolder: "/s/output/packer", imageName: "debianx86_64_20261121_7", buildNumber: 7,
            baseImagePath: "/s/base/d.iso", baseImageDigest: nil, accelerator: accelerator,
            vcpus: 2, memoryBytes: 1 << 30, ports: 20_000..<20_008)
    }

    private func variables(
        _ text: String, name: String = "t.json", _ recipe: [String: String] = [:],
        values: [String: JSON]? = nil
    ) throws -> PackerVariables {
        try PackerVariables(
            for: PackerTemplate(.init(path: name, bytes: Array(text.utf8))),
            recipe: BuildRecipe(
                builder: .packer(template: name), variables: recipe, values: values),
            offer: offer())
    }

    private let allOffers = [
        "outdir": "/s/output/packer", "vmname": "debianx86_64_20261121_7.qcow2",
        "isourl": "/s/base/d.iso", "isochecksum": "none", "accelerator": "tcg",
        "cpus": "2", "memory_mb": "1024", "host_port_min": "20000",
        "host_port_max": "20007", "vnc_port_min": "5900", "vnc_port_max": "6899",
        "build_number": "7", "image_name": "debianx86_64_20261121_7",
    ]

    @Test("A template gets the variables that it declares and no others")
    func declaredVariablesAreSet() throws {
        #expect(
            Set(allOffers.keys) == Set(OfferedVariable.allCases.map(\.rawValue)))
        let declared = allOffers.keys.map { "\"\($0)\":\"\"" }.joined(separator: ",")
        #expect(try variables(#"{"variables":{\#(declared)}}"#).offers == allOffers)
        let few = try variables(#"{"variables":{"outdir":"","mine":"1"}}"#)
        #expect(few.offers == ["outdir": "/s/output/packer"])
        #expect(few.own == [:])
    }

    @Test("A JSON template gets the variables that it only refers to")
    func referencesAreSet() throws {
        let text =
            #"{"builders":[{"type":"qemu","vm_name":"{{ user `vmname` }}","#
            + #""output_directory":"{{user `outdir`}}","iso_url":"{{user `isourl`}}"}]}"#
        #expect(Set(try variables(text).offers.keys) == ["vmname", "outdir", "isourl"])
        #expect(try variables(text, ["vmname": "a.img"]).texts["vmname"] == "a.img")
    }

    @Test("Variables of the recipe override those of the agent")
    func recipeOverridesOffer() throws {
        let text = #"{"variables":{"cpus":"","x":""}}"#
        let found = try variables(text, ["cpus": "9", "x": "y"])
        #expect(found.texts == ["cpus": "9", "x": "y"])
    }

    @Test("A variable that the template does not know is a named template fault")
    func undeclaredVariableIsNamed() throws {
        let fault = #expect(throws: Fault.self) {
            try variables(#"{"variables":{"a":""}}"#, ["typo": "1"])
        }
        #expect(fault?.class == .template)
        #expect(fault?.reason.contains("'typo'") == true)
        #expect(fault?.reason.contains("it declares: a") == true)
    }

    @Test("Lists reach HCL2 as lists, also when written as text, and JSON templates with commas")
    func typedValues() throws {
        let hcl = """
            variable "list" { type = list(string) }
            variable "text" { type = string }
            variable "untyped" {}
            """
        let given = [
            "list": #"["a", "b"]"#, "text": #"["a"]"#, "untyped": #"["a"]"#,
        ]
        #expect(
            try variables(hcl, name: "t.pkr.hcl", given).own == [
                "list": .array([.string("a"), .string("b")]), "text": .string(#"["a"]"#),
                "untyped": .string(#"["a"]"#),
            ])
        let list: [String: JSON] = ["list": .array([.string("a"), .int(2), .bool(true)])]
        #expect(try variables(hcl, name: "t.pkr.hcl", values: list).own == list)
        let json = #"{"variables":{"list":""}}"#
        #expect(try variables(json, values: list).own == ["list": .string("a,2,true")])
        let fault = #expect(throws: Fault.self) {
            try variables(json, values: ["list": .object([:])])
        }
        #expect(fault?.code == .templateInvalid)
    }
}

@Suite struct FetchSinkTests {
    private func take(_ sink: inout FetchSink, _ text: String) {
        var records: [UInt8] = []
        Array(text.utf8).withUnsafeBytes {
            _ = sink.take($0, of: .out, unixMilliseconds: 1, into: &records)
        }
        #expect(records == [])
    }

    @Test("Fetch events are read line by line, and others are ignored")
    func fetchEventsAreFollowed() throws {
        var sink = FetchSink()
        let events: [FetchEvent] = [
            .progress(doneBytes: 10 << 20, totalBytes: 40 << 20),
            .done(offsetBytes: 0, totalBytes: 40 << 20, entityTag: nil),
        ]
        let lines = try events.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        take(&sink, "no json\n" + lines[0].prefix(10))
        #expect(sink.last == nil)
        take(&sink, lines[0].dropFirst(10) + "\n")
        #expect(sink.progress == "fetching base image, 25 % (10 of 40 MiB)")
        take(&sink, lines[1] + "\n")
        #expect(sink.last == events[1])
        #expect(sink.progress == nil)
    }
}
