//! ExampleTests: the example guest OS works by itself, with Packer alone and no aibuild.

import FoundationEssentials
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

@Suite struct MiniLinuxTests {
    /// `<root>/examples/mini-linux`
    private let example: String = {
        let tests = Files.folder(of: Files.folder(of: "\(#filePath)"))
        return Files.folder(of: tests) + "/examples/mini-linux"
    }()

    private let folder: TemporaryFolder
    private let template: String
    private let iso: String

    init() async throws {
        folder = try TemporaryFolder()
        let prepared = try await Self.run(
            ["\(example)/prepare.sh", folder.path], timeoutSeconds: 300)
        try #require(prepared.status.isSuccess, "\(prepared.stderrText)")
        template = prepared.stdoutText.filter { $0 != "\n" }
        iso = "\(folder.path)/mini-linux.iso"
    }

    private static func run(
        _ arguments: [String], environment: [String: String] = [:], timeoutSeconds: Int
    ) async throws -> Command.Output {
        try await Command(
            arguments,
            environment: Command.minimalEnvironment.merging(environment) { _, new in new }
        ).run(timeoutSeconds: timeoutSeconds)
    }

    private func packer(_ arguments: [String], timeoutSeconds: Int) async throws -> Command.Output {
        try await Self.run(
            ["packer"] + arguments,
            environment: [
                "CHECKPOINT_DISABLE": "1", "HOME": folder.path, "TMPDIR": folder.path,
                "PACKER_CACHE_DIR": "\(folder.path)/cache",
            ], timeoutSeconds: timeoutSeconds)
    }

    @Test("The prepared template names the ISO by URL and digest")
    func templateNamesISO() throws {
        let recipe = String(
            decoding: try Files.read("\(template)/aibuild.yml", limitBytes: 1 << 16),
            as: UTF8.self)
        #expect(recipe.contains("url: \"file://\(iso)\"\n"))
        #expect(recipe.contains("sha256: \(try SHA256.file(iso))\n"))
        #expect(!recipe.contains("@"))
    }

    /// It is archived and sent to every host: large inputs belong in the base image.
    @Test("The template is smaller than 64 KiB") func templateIsSmall() throws {
        var sizeBytes: Int64 = 0
        for path in ["", "/scripts"] {
            for name in try Files.list(template + path) {
                sizeBytes += Files.sizeBytes("\(template)\(path)/\(name)") ?? 0
            }
        }
        #expect(sizeBytes > 1000)
        #expect(sizeBytes < 64 << 10)
    }

    @Test("Preparing again keeps the ISO") func prepareKeepsISO() async throws {
        let before = Self.inode(iso)
        let again = try await Self.run(
            ["\(example)/prepare.sh", folder.path], timeoutSeconds: 300)
        #expect(again.status.isSuccess, "\(again.stderrText)")
        #expect(before != nil)
        #expect(Self.inode(iso) == before)
    }

    private static func inode(_ path: String) -> UInt64? {
        var info = stat()
        return stat(path, &info) == 0 ? UInt64(info.st_ino) : nil
    }

    @Test("The JSON and HCL templates declare the same variables")
    func twinsDeclareSameVariables() async throws {
        let json = try Files.read("\(template)/mini-linuxx86_64.json", limitBytes: 1 << 16)
        struct Template: Decodable { var variables: [String: String] }
        let declared = try JSONDecoder().decode(Template.self, from: Data(json)).variables
        let hcl = String(
            decoding: try Files.read("\(template)/mini-linux.pkr.hcl", limitBytes: 1 << 16),
            as: UTF8.self)
        let twin = hcl.matches(of: #/variable "(\w+)" \{\s+type\s+= \w+\s+default = "?([^"\n]*)"?/#)
        #expect(
            Dictionary(twin.map { (String($0.1), String($0.2)) }, uniquingKeysWith: { a, _ in a })
                == declared)
    }

    @Test(
        "Packer accepts both templates", arguments: ["mini-linuxx86_64.json", "mini-linux.pkr.hcl"])
    func packerAcceptsTemplate(name: String) async throws {
        let checked = try await packer(
            ["validate", "-var", "isourl=\(iso)", "\(template)/\(name)"], timeoutSeconds: 300)
        #expect(checked.status.isSuccess, "\(checked.stdoutText)\(checked.stderrText)")
    }

    /// The JSON template is built by the tests of the whole farm.
    @Test("The HCL template builds an image that boots")
    func hclImageBoots() async throws {
        let port = String(Int.random(in: 20000..<32000))
        let image = "\(folder.path)/output/twin.qcow2"
        let variables = [
            "isourl=\(iso)", "isochecksum=sha256:\(try SHA256.file(iso))", "vmname=twin.qcow2",
            "outdir=\(folder.path)/output", "build_number=42", "greeting=it's me",
            "host_port_min=\(port)", "host_port_max=\((Int(port) ?? 0) + 50)",
        ]
        let built = try await packer(
            ["build"] + variables.flatMap { ["-var", $0] } + ["\(template)/mini-linux.pkr.hcl"],
            timeoutSeconds: 240)
        try #require(built.status.isSuccess, "\(built.stdoutText)\(built.stderrText)")

        let booted = try await Self.run(
            ["\(example)/boot-test.sh", image, "60"], timeoutSeconds: 300)
        #expect(booted.status.isSuccess, "\(booted.stderrText)")
        #expect(booted.stdoutText == "mini-linux ready: build=42 greeting=it's me\n")
    }

    @Test("An image that does not boot fails the boot test")
    func emptyImageFailsBootTest() async throws {
        let image = "\(folder.path)/empty.qcow2"
        let made = try await Self.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"], timeoutSeconds: 300)
        try #require(made.status.isSuccess)
        let booted = try await Self.run(
            ["\(example)/boot-test.sh", image, "2"], timeoutSeconds: 300)
        #expect(booted.status == .exited(1))
        #expect(booted.stdoutText == "")
        #expect(booted.stderrText.contains("did not say 'mini-linux ready: …' within 2 s"))
    }
}
