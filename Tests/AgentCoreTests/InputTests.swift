@testable import AgentCore
import BuildProtocol
import FoundationEssentials
import Testing

/// The gate's checks of its input.
@Suite struct InputTests {
    private let token = "0123456789abcdef0123456789abcdef"
    private let digest = String(repeating: "a", count: 64)

    @Test("The gate parses attach, send and receive")
    func gateCommandsParse() throws {
        #expect(try GateCommand(["attach"]) == .attach)
        #expect(try GateCommand(["aibuild-agent", "gate", "attach"]) == .attach)
        #expect(try GateCommand(["/usr/bin/aibuild-agent", "gate", "attach"]) == .attach)
        let attempt = try #require(AttemptToken(token))
        #expect(
            try GateCommand(["send", token, "6120622e7177", "0", "10"])
                == .send(attempt: attempt, name: "a b.qw", offset: 0, length: 10))
        #expect(
            try GateCommand(["receive", digest, "10"]) == .receive(sha256: digest, sizeBytes: 10))
    }

    @Test(
        "The gate refuses any other command",
        arguments: [
            [], ["bash"], ["attach", "x"], ["sh", "-c", "attach"], ["aibuild-agent", "daemon"],
            ["send"], ["send", "x", "a", "0", "1"],
            ["send", "0123456789abcdef0123456789abcdef", "2e2e2f61", "0", "1"],
            ["send", "0123456789abcdef0123456789abcdef", "2e61", "0", "1"],
            ["send", "0123456789abcdef0123456789abcdef", "a", "0", "1"],
            ["send", "0123456789abcdef0123456789abcdef", "zz", "0", "1"],
            ["send", "0123456789abcdef0123456789abcdef", "61", "-1", "1"],
            ["send", "0123456789abcdef0123456789abcdef", "61", "0", "99999999999999999999"],
            ["receive", "abc", "1"], ["receive", "../" + String(repeating: "a", count: 61), "1"],
            ["receive", String(repeating: "a", count: 64), "999999999999"],
            ["receive", String(repeating: "a", count: 64), "-1"], ["scp", "-t", "."],
        ])
    func gateRefusesOtherCommands(arguments: [String]) {
        #expect(throws: GateCommand.Refused.self) { try GateCommand(arguments) }
    }

    @Test(
        "Links that lead out of a template are detected",
        arguments: [
            ("a", "b", true), ("a/b/c", "../../x", true), ("a", "..", false), ("a/b", "../c", true),
            ("a/b", "../..", false), ("a", "/etc/passwd", false), ("a", "b/../c", false),
            ("a/b", "./../c", true), ("a", "", true), ("deep/er/p", "l2/../x", false),
            ("a", "../\u{301}x", false), ("a", "/\u{301}x", false),
            ("a/b", "c/../\u{301}x", false),
        ])
    func templateLinksStayInside(path: String, target: String, isInside: Bool) {
        #expect(TemplateTree.isInside(link: path, target: target) == isInside)
    }

    private func start(_ change: (inout Start) -> Void) throws -> Start {
        var start = Start(
            attempt: try #require(AttemptToken(token)),
            build: .init(id: "b", guestOS: "g", number: 1, imageName: "gx86_64_20261121_1"),
            template: .init(sha256: digest, sizeBytes: 1),
            recipe: BuildRecipe(builder: .command(["true"])), requirements: Requirements(),
            limits: AttemptLimits())
        change(&start)
        return start
    }

    @Test("A valid start message passes the check")
    func validStartPasses() throws {
        #expect(StartCheck.problem(try start { _ in }) == nil)
    }

    @Test("A start message with any invalid field is rejected")
    func invalidStartsAreRejected() throws {
        let changes: [(inout Start) -> Void] = [
            { $0.template.sha256 = "../../etc/passwd" },
            { $0.build.imageName = "a/b" },
            { $0.build.imageName = "" },
            { $0.build.imageName = String(repeating: "a", count: 300) },
            { $0.limits.totalSeconds = 0 },
            { $0.limits.silenceSeconds = -1 },
            { $0.limits.logBytes = 0 },
            { $0.requirements.diskBytes = -1 },
            { $0.recipe.builder = .packer(template: "../x.json") },
            { $0.recipe.builder = .packer(template: "/x.json") },
            { $0.recipe.builder = .command([]) },
            { $0.recipe.builder = .command(["a\0b"]) },
            { $0.recipe.baseImage = BaseImage(url: "http://x", sha256: "XYZ") },
            { $0.recipe.variables = ["a": String(repeating: "x", count: 1 << 20)] },
        ]
        for (index, change) in changes.enumerated() {
            #expect(StartCheck.problem(try start(change)) != nil, "case \(index)")
        }
    }

    @Test("An overlong line is reported once and skipped")
    func overlongLinesAreSkipped() {
        var lines = MessageLines(limitBytes: 5)
        #expect(lines.push(Array("ab\ncd".utf8)) == [.line(Array("ab".utf8))])
        #expect(lines.push(Array("efgh".utf8)) == [.tooLong])
        #expect(lines.push(Array("more".utf8)) == [])
        #expect(
            lines.push(Array("x\n12345\n123456\nok\n".utf8))
                == [.line(Array("12345".utf8)), .tooLong, .line(Array("ok".utf8))])
    }

    @Test(
        "Base image URLs are http, https, or file with an absolute path",
        arguments: [
            ("http://a/b", BaseImageURL.http("http://a/b")), ("HTTPS://a/b", .http("HTTPS://a/b")),
            ("file:///srv/a%20b.iso", .file("/srv/a b.iso")),
            ("file://localhost/a.iso", .file("/a.iso")), ("file://other/a.iso", nil),
            ("file://a.iso", nil), ("ftp://a/b", nil), ("", nil), ("/a", nil),
            ("file:///a%00b", nil), ("file:///a%zz", nil), ("file:///a%ff", nil),
        ])
    func baseImageURLsParse(url: String, expected: BaseImageURL?) {
        #expect(BaseImageURL(url) == expected)
    }

    @Test(
        "A base image keeps the name in its URL if that is a plain one",
        arguments: [
            ("http://h/p/debian-12.qcow2?x=1", "debian-12.qcow2"), ("http://h/", "base.img"),
            ("http://h/a/..", "base.img"), ("file:///x/安.iso", "base.img"),
            ("http://h/noext", "base.img"),
        ])
    func baseImageKeepsPlainName(url: String, name: String) {
        #expect(BaseImageURL.fileName(url) == name)
    }

    @Test("A build command's environment holds the documented variables")
    func commandEnvironment() throws {
        let start = try start { $0.recipe.variables = ["greeting": "hi"] }
        let order = AttemptOrder(
            start: start, accelerator: .tcg, stateFolder: "/s", searchPath: "/bin",
            packer: "packer", fetchProgram: "/bin/aibuild-fetch")
        let folder = StateFolder("/s").attempt(start.attempt)
        let environment = try BuildEnvironment.command(order, folder, baseImagePath: "/b.iso")
        #expect(environment["AIBUILD_VAR_greeting"] == "hi")
        #expect(environment["AIBUILD_BASE_IMAGE"] == "/b.iso")
        #expect(environment["AIBUILD_ATTEMPT"] == token)
        #expect(environment["AIBUILD_STATE"] == "/s")
        #expect(environment["AIBUILD_MEMORY_MB"] == "1024")
        #expect(environment["PATH"] == folder.shim + ":/bin")
        for name in ["a=b", ""] {
            var bad = order
            bad.start.recipe.variables = [name: "x"]
            #expect(throws: Fault.self) {
                try BuildEnvironment.command(bad, folder, baseImagePath: nil)
            }
        }
    }

    @Test("Packer, build commands and test programs get the host's proxy and authorities")
    func proxyOfPrograms() throws {
        let start = try start { _ in }
        let order = AttemptOrder(
            start: start, accelerator: nil, stateFolder: "/s", searchPath: "/bin",
            packer: "packer", fetchProgram: "/bin/aibuild-fetch",
            proxy: ProxySettings(http: "http://p:1", caFile: "/c.pem"))
        let folder = StateFolder("/s").attempt(start.attempt)
        for environment in [
            BuildEnvironment.packer(order, folder), BuildEnvironment.test(order, folder),
            try BuildEnvironment.command(order, folder, baseImagePath: nil),
        ] {
            #expect(environment["http_proxy"] == "http://p:1")
            #expect(environment["no_proxy"] == "localhost,127.0.0.1,::1")
            #expect(environment["SSL_CERT_FILE"] == "/c.pem")
        }
    }

    @Test("Folders of configured programs come first in PATH, each once")
    func configuredProgramsComeFirst() {
        var configuration = AgentConfiguration()
        #expect(configuration.searchPath.hasPrefix("/usr/local/sbin:"))
        configuration.packer = "/opt/packer/packer"
        configuration.qemuSystem = "/usr/bin/qemu-system-x86_64"
        #expect(configuration.searchPath.hasPrefix("/opt/packer:/usr/bin:/usr/local/sbin:"))
        #expect(configuration.searchPath.split(separator: ":").count { $0 == "/usr/bin" } == 1)
    }
}

@Suite struct ImageFormatTests {
    private func header(_ values: [Int: [UInt8]]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        for (offset, value) in values {
            bytes.replaceSubrange(offset..<offset + value.count, with: value)
        }
        return bytes
    }

    private func inspect(
        _ header: [UInt8], footer: [UInt8] = [], size: Int64 = 1 << 20, name: String = "x.bin"
    ) -> [String] {
        let found = ImageInspection(name: name, header: header, footer: footer, sizeBytes: size)
        return [found.format.rawValue, found.virtualSizeBytes.map(String.init) ?? "?"]
    }

    @Test("Formats are detected from the bytes, regardless of the file name")
    func formats() {
        let gigabyte: [UInt8] = [0, 0, 0, 0, 0x40, 0, 0, 0]
        let qcow2 = header([0: [0x51, 0x46, 0x49, 0xFB], 24: gigabyte])
        #expect(inspect(qcow2, name: "a.iso") == ["qcow2", "1073741824"])
        let vmdk = header([0: Array("KDMV".utf8), 12: [0, 8, 0, 0, 0, 0, 0, 0]])
        #expect(inspect(vmdk) == ["vmdk", "1048576"])
        #expect(inspect(header([0: Array("# Disk DescriptorFile".utf8)])) == ["vmdk", "?"])
        let vdi = header([64: [0x7F, 0x10, 0xDA, 0xBE], 368: gigabyte.reversed()])
        #expect(inspect(vdi) == ["vdi", "1073741824"])
        let vhd = header([0: Array("conectix".utf8), 48: gigabyte])
        #expect(inspect(vhd) == ["vhd", "1073741824"])
        #expect(inspect(header([:]), footer: Array(vhd.prefix(512))) == ["vhd", "1073741824"])
        #expect(inspect(header([0: Array("vhdxfile".utf8)])) == ["vhdx", "?"])
    }

    @Test("A disk without a header is raw by its boot signature or its name, and a CD an ISO")
    func headerless() {
        let bootable = header([510: [0x55, 0xAA]])
        #expect(inspect(bootable) == ["raw", "1048576"])
        #expect(inspect(bootable, size: 1000) == ["file", "?"])
        #expect(inspect(bootable, name: "a.iso") == ["raw", "1048576"])
        // A CD that also boots from a USB stick has both marks.
        let hybrid =
            bootable + [UInt8](repeating: 0, count: 32_769 - bootable.count) + Array("CD001".utf8)
        #expect(inspect(hybrid) == ["iso", "1048576"])
        #expect(inspect([1], size: 1, name: "a.img") == ["raw", "1"])
        #expect(inspect([1], size: 1, name: "a.iso") == ["iso", "1"])
        #expect(inspect(Array("hello".utf8), size: 5) == ["file", "?"])
        #expect(inspect([], size: 0) == ["file", "?"])
    }

    @Test("Impossible sizes count as unknown")
    func absurdSizes() {
        let vmdk = header([0: Array("KDMV".utf8), 12: [UInt8](repeating: 0x7F, count: 8)])
        #expect(inspect(vmdk) == ["vmdk", "?"])
        let qcow2 = header([0: [0x51, 0x46, 0x49, 0xFB], 24: [UInt8](repeating: 0xFF, count: 8)])
        #expect(inspect(qcow2) == ["qcow2", "?"])
        #expect(inspect([0x51, 0x46, 0x49, 0xFB], size: 4) == ["qcow2", "?"])
        // 2^62 fits 64 bits, and no disk.
        let huge: [UInt8] = [0x40, 0, 0, 0, 0, 0, 0, 0]
        let vdi = header([64: [0x7F, 0x10, 0xDA, 0xBE], 368: huge.reversed()])
        #expect(inspect(vdi) == ["vdi", "?"])
        #expect(inspect(header([0: Array("conectix".utf8), 48: huge])) == ["vhd", "?"])
    }
}

@Suite struct BootProbeTests {
    @Test("The boot sector has 512 bytes and the boot signature")
    func bootSectorIsBootable() {
        #expect(BootProbe.bootSector.count == 512)
        #expect(BootProbe.bootSector.suffix(2) == [0x55, 0xAA])
    }

    @Test("KVM is rejected if it is far slower than emulation")
    func slowKVMIsRejected() throws {
        #expect(BootProbe.slowness(kvmMilliseconds: 900, tcgMilliseconds: 80) == nil)
        let refusal = BootProbe.slowness(kvmMilliseconds: 2_800, tcgMilliseconds: 75)
        #expect(try #require(refusal).contains("2800 ms"))
    }

    @Test(
        "Versions are found in the output of QEMU and Packer",
        arguments: [
            ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright", "7.2.22"),
            ("Packer v1.6.6\n", "1.6.6"), ("nothing", nil), ("", nil),
        ])
    func versionsParse(output: String, version: String?) {
        #expect(BootProbe.version(in: output) == version)
    }
}
