import AgentCore
import Testing

@Suite struct PackerPluginTests {
    @Test("Files of plugins are recognized by their names")
    func names() {
        let file = PackerPluginFile("packer-plugin-qemu_v1.0.9_x5.0_linux_amd64")
        #expect(file?.name == "qemu")
        #expect(file?.version == "1.0.9")
        #expect(
            PackerPluginFile("packer-plugin-a-b_v2.0.0-dev_x5.0_linux_arm64")?.version
                == "2.0.0-dev")
    }

    @Test(
        "Other files are not plugins",
        arguments: [
            "packer-plugin-qemu_v1.0.9_x5.0_linux_amd64_SHA256SUM", "packer-builder-qemu",
            "packer-plugin-qemu", "packer-plugin-qemu_v1.0.9_x5.0_windows_amd64.exe", "",
            "packer-plugin-qemu_vx_x5.0_linux_amd64",
        ])
    func otherNames(file: String) { #expect(PackerPluginFile(file) == nil) }
}
