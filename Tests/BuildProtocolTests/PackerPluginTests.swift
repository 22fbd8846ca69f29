import BuildProtocol
import Testing

@Suite struct PackerPluginTests {
    private static let digest = String(repeating: "a", count: 64)

    @Test("Files of plugins are recognized by their names")
    func names() {
        let file = PackerPluginFile("packer-plugin-qemu_v1.0.9_x5.0_linux_amd64")
        #expect(file?.name == "qemu")
        #expect(file?.version == "1.0.9")
        #expect(file?.platform == "linux_amd64")
        #expect(
            PackerPluginFile("packer-plugin-a-b_v2.0.0-dev_x5.0_linux_arm64")?.version
                == "2.0.0-dev")
    }

    @Test(
        "Other files are not plugins",
        arguments: [
            "packer-plugin-qemu_v1.0.9_x5.0_linux_amd64_SHA256SUM", "packer-builder-qemu",
            "packer-plugin-qemu", "packer-plugin-qemu_v1.0.9_x5.0_windows_amd64.exe", "",
            "packer-plugin-qemu_vx_x5.0_linux_amd64", "packer-plugin-qému_v1.0.9_x5.0_linux_amd64",
            "packer-plugin-qemu_v1.0.9_x5.0_linux_amd64\n",
            "packer-plugin-\(String(repeating: "q", count: 200))_v1.0.9_x5.0_linux_amd64",
        ])
    func otherNames(file: String) { #expect(PackerPluginFile(file) == nil) }

    @Test("A plugin is in the folder of its source, and nowhere else")
    func paths() {
        let file = "packer-plugin-qemu_v1.0.9_x5.0_linux_amd64"
        let path = PackerPluginPath("github.com/hashicorp/qemu/\(file)")
        #expect(path?.source == "github.com/hashicorp/qemu")
        #expect(path?.file.version == "1.0.9")
        let deep = Array(repeating: "a", count: 16).joined(separator: "/") + "/qemu"
        for folder in [
            "", "qemu", "github.com/hashicorp/other", "../hashicorp/qemu", "/hashicorp/qemu",
            "github.com//qemu", "github.com/../qemu", "github.com/./qemu", ".hidden/qemu",
            "github.com/hash icorp/qemu", "github.com/hash\u{212A}/qemu", "a/\0/qemu", deep,
        ] {
            #expect(PackerPluginPath("\(folder)/\(file)") == nil, "\(folder)")
        }
        #expect(PackerPluginPath(file) == nil)
    }

    @Test("A plugin without a digest, or of an impossible size, is not installed")
    func unusable() {
        let path = "github.com/hashicorp/qemu/packer-plugin-qemu_v1.0.9_x5.0_linux_amd64"
        func place(_ digest: String, _ size: Int64) -> PackerPluginPath? {
            PackerPlugin(file: path, sha256: digest, sizeBytes: size).place
        }
        #expect(place(Self.digest, ProtocolLimits.templateBytes) != nil)
        #expect(place(Self.digest, ProtocolLimits.templateBytes + 1) == nil)
        #expect(place(Self.digest, -1) == nil)
        #expect(place("../../" + Self.digest.dropFirst(6), 1) == nil)
    }

    @Test("The versions of a platform are those of its files")
    func versions() {
        func plugin(_ version: String, _ platform: String) -> PackerPlugin {
            PackerPlugin(
                file: "github.com/a/b/packer-plugin-b_v\(version)_x5.0_\(platform)",
                sha256: Self.digest, sizeBytes: 1)
        }
        let all = [
            plugin("2.0.0", "linux_amd64"), plugin("1.0.0", "linux_amd64"),
            plugin("1.0.0", "linux_arm64"),
        ]
        #expect(all.versions(for: "linux_amd64") == ["github.com/a/b": ["1.0.0", "2.0.0"]])
        #expect(all.versions(for: "linux_arm64") == ["github.com/a/b": ["1.0.0"]])
        #expect(all.versions(for: "linux_s390x") == [:])
    }
}
