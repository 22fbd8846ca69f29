@testable import AgentCore
import BuildProtocol
import FoundationEssentials
import Testing

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
            if let printed = output.output(Array(line.utf8)) {
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
        #expect(printed == .init(stream: .out, text: Array((line + "\n").utf8)))
    }

    @Test("Messages keep any bytes") func messagesKeepAnyBytes() throws {
        var output = PackerOutput()
        let printed = output.output(Array("1,,ui,message,".utf8) + [0xFF, 0x00, 0x41])
        #expect(try #require(printed).text == [0xFF, 0x00, 0x41, 0x0A])
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

@Suite struct PackerTemplateTests {
    @Test("Variables of a JSON template are found")
    func jsonVariablesAreFound() throws {
        let text = #"{"variables":{"a":"1","b":null,"c":"{{env `X`}}"},"builders":[]}"#
        let template = try PackerTemplate(name: "x.json", text: Array(text.utf8))
        #expect(template.language == .json)
        #expect(template.variables == ["a", "b", "c"])
        let none = try PackerTemplate(name: "x.json", text: Array(#"{"builders":[]}"#.utf8))
        #expect(none.variables == [])
    }

    @Test("Variables of an HCL template in JSON are found")
    func hclJSONVariablesAreFound() throws {
        let text = #"{"variable":{"a":{"default":"1"}},"source":{}}"#
        let template = try PackerTemplate(name: "x.pkr.json", text: Array(text.utf8))
        #expect(template.language == .hclJSON)
        #expect(template.variables == ["a"])
    }

    @Test(
        "A file that is no JSON template is refused",
        arguments: ["", "[]", #"{"variables":[]}"#, "{", "\0"])
    func invalidTemplatesAreRefused(text: String) {
        #expect(throws: PackerTemplate.Unreadable.self) {
            try PackerTemplate(name: "x.json", text: Array(text.utf8))
        }
    }

    @Test("Variables of an HCL template are found, and nothing that only looks like one")
    func hclVariablesAreFound() throws {
        let text = #"""
            # variable "no1" {
            // variable "no2" {
            /* variable "no3" { */
            variable "outdir" {
              type    = string
              default = "variable \"no4\" { ${lower("}")} {"
            }
            variable unquoted { }
            variables {
              first  = "1"
              second = { no5 = 1 }
            }
            locals {
              text = <<-EOT
                variable "no6" {
                EOT
              list = [ { no7 = 1 } ]
            }
            source "qemu" "x" {
              variable "no8" { }
              boot_command = ["<esc>", "no9 = 1"]
            }
            variable "last" {}
            """#
        let template = try PackerTemplate(name: "x.pkr.hcl", text: Array(text.utf8))
        #expect(template.language == .hcl)
        #expect(template.variables == ["outdir", "unquoted", "first", "second", "last"])
    }

    @Test("Random input does not crash the HCL scanner", arguments: 0..<50)
    func anyHCLIsSurvived(seed: UInt64) throws {
        var random = SplitMix(seed)
        let alphabet = Array("{}[]()\"\\$%<-=#/* \nvariable x".utf8)
        let text = (0..<300).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
        _ = try PackerTemplate(name: "x.pkr.hcl", text: text)
    }
}

@Suite struct PackerVariablesTests {
    private func offer(accelerator: Accelerator? = .tcg) -> PackerVariables.Offer {
        PackerVariables.Offer(
            outputFolder: "/s/output/packer", imageName: "debianx86_64_20261121_7", buildNumber: 7,
            baseImagePath: "/s/base/d.iso", baseImageDigest: nil, accelerator: accelerator,
            vcpus: 2, memoryBytes: 1 << 30, ports: 20_000..<20_008)
    }

    private func template(_ variables: Set<String>) throws -> PackerTemplate {
        var template = try PackerTemplate(name: "x.json", text: Array("{}".utf8))
        template.variables = variables
        return template
    }

    @Test("A template gets the variables that it declares and no others")
    func declaredVariablesAreSet() throws {
        let names: Set = [
            "outdir", "vmname", "isourl", "isochecksum", "accelerator", "cpus", "memory_mb",
            "host_port_min", "host_port_max", "vnc_port_min", "vnc_port_max", "build_number",
            "image_name",
        ]
        let values = try PackerVariables.values(
            for: template(names), recipe: [:], offer: offer())
        #expect(
            values == [
                "outdir": "/s/output/packer", "vmname": "debianx86_64_20261121_7.qcow2",
                "isourl": "/s/base/d.iso", "isochecksum": "none", "accelerator": "tcg",
                "cpus": "2", "memory_mb": "1024", "host_port_min": "20000",
                "host_port_max": "20007", "vnc_port_min": "5900", "vnc_port_max": "6899",
                "build_number": "7", "image_name": "debianx86_64_20261121_7",
            ])
        let few = try PackerVariables.values(
            for: template(["outdir", "mine"]), recipe: [:], offer: offer())
        #expect(few == ["outdir": "/s/output/packer"])
    }

    @Test("Variables of the recipe override those of the agent")
    func recipeOverridesOffer() throws {
        let values = try PackerVariables.values(
            for: template(["cpus", "x"]), recipe: ["cpus": "9", "x": "y"], offer: offer())
        #expect(values == ["cpus": "9", "x": "y"])
    }

    @Test("A variable that the template does not declare is a named template fault")
    func undeclaredVariableIsNamed() throws {
        let declared = try template(["a"])
        let fault = #expect(throws: Fault.self) {
            try PackerVariables.values(for: declared, recipe: ["typo": "1"], offer: offer())
        }
        #expect(fault?.class == .template)
        #expect(fault?.reason.contains("'typo'") == true)
        #expect(fault?.reason.contains("it declares: a") == true)
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
