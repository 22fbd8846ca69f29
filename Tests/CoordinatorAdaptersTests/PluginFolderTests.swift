import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Glibc
import Support
import TestSupport
import Testing

/// The folder of plugins that a coordinator hands out.
@Suite struct PluginFolderTests {
    private static let file = "packer-plugin-qemu_v1.0.9_x5.0_linux_amd64"
    private static let path = "github.com/hashicorp/qemu/" + file

    private func write(
        _ folder: TemporaryFolder, _ path: String = Self.path, _ content: String = "content",
        sum: String? = nil
    ) throws {
        let path = "\(folder.path)/\(path)"
        try Files.makeFolder(Files.folder(of: path))
        try Files.replace(path, with: content.utf8)
        try Files.replace(path + "_SHA256SUM", with: (sum ?? SHA256.hex(content.utf8)).utf8)
    }

    private func archive(_ plugin: PackerPlugin) -> TemplateArchive {
        TemplateArchive(sha256: plugin.sha256, sizeBytes: plugin.sizeBytes)
    }

    @Test("Plugins are listed with their digests and sizes, and read piece by piece")
    func listed() async throws {
        let folder = try TemporaryFolder()
        try write(folder)
        let other = "github.com/a/b/packer-plugin-b_v2.0.0_x5.0_linux_arm64"
        // As sha256sum writes it.
        try write(folder, other, "other", sum: SHA256.hex("other".utf8) + "  file\n")
        let library = PluginFolder(folder.path)
        let plugins = try await library.plugins()
        #expect(
            Set(plugins) == [
                PackerPlugin(
                    file: Self.path, sha256: SHA256.hex("content".utf8), sizeBytes: 7),
                PackerPlugin(file: other, sha256: SHA256.hex("other".utf8), sizeBytes: 5),
            ])
        #expect(library.problems().isEmpty)
        let plugin = try #require(plugins.first { $0.file == Self.path })
        #expect(try await library.read(archive(plugin), from: 0) == Array("content".utf8))
        #expect(try await library.read(archive(plugin), from: 3) == Array("tent".utf8))
        #expect(try await library.read(archive(plugin), from: 7) == [])
        let unknown = TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 7)
        #expect(try await library.read(unknown, from: 0) == nil)
    }

    @Test("A file that is not that of its checksum is not sent, until it is corrected")
    func wrongChecksum() async throws {
        let folder = try TemporaryFolder()
        let digest = SHA256.hex("content".utf8)
        try write(folder, Self.path, "CONTENT", sum: digest)
        let library = PluginFolder(folder.path)
        let plugin = try #require(try await library.plugins().first)
        let error = await #expect(throws: Failure.self) {
            _ = try await library.read(archive(plugin), from: 0)
        }
        #expect(error?.description.contains("is not the file of its checksum") == true)
        #expect(library.problems().map(\.problem) == [error?.description])
        try write(folder)
        #expect(try await library.read(archive(plugin), from: 0) == Array("content".utf8))
        #expect(library.problems().isEmpty)
        // It changes after it was found to be right.
        try write(folder, Self.path, "changed", sum: digest)
        await #expect(throws: Failure.self) {
            _ = try await library.read(archive(plugin), from: 0)
        }
    }

    @Test("What cannot be handed out is left out, and named to the operator")
    func unusable() async throws {
        let folder = try TemporaryFolder()
        try write(folder)
        let qemu = folder.path + "/github.com/hashicorp/qemu"
        let (outside, large) = (
            folder.path + "/outside", Self.file.replacing("1.0.9", with: "3.0.0")
        )
        try Files.replace(outside, with: "secret".utf8)
        let link = Self.file.replacing("1.0.9", with: "2.0.0")
        #expect(symlink(outside, "\(qemu)/\(link)") == 0)
        try Files.replace("\(qemu)/\(link)_SHA256SUM", with: SHA256.hex("secret".utf8).utf8)
        #expect(symlink("/etc", folder.path + "/github.com/etc") == 0)
        try write(folder, "github.com/hashicorp/qemu/\(large)")
        truncate("\(qemu)/\(large)", Int(ProtocolLimits.templateBytes) + 1)
        try Files.replace("\(qemu)/\(Self.file).zip", with: [])
        try write(folder, "qemu/\(Self.file)")
        try write(folder, "github.com/x/qemu/\(Self.file)", sum: "no digest")
        let library = PluginFolder(folder.path)
        #expect(try await library.plugins().map(\.file) == [Self.path])
        let problems = library.problems().map(\.problem).joined(separator: "\n")
        for words in [
            "The link \(qemu)/\(link) is not followed", "github.com/etc is not followed",
            "\(large) exceeds a limit", "\(Self.file).zip is no plugin",
            "\(folder.path)/qemu/\(Self.file) is no plugin",
            "github.com/x/qemu/\(Self.file) has no SHA-256",
        ] {
            #expect(problems.contains(words), "\(words) in \(problems)")
        }
        #expect(library.problems().count == 6, "\(problems)")
    }

    @Test("A folder that cannot be read is not taken for an empty one")
    func missingFolder() async throws {
        let folder = try TemporaryFolder()
        let library = PluginFolder(folder.path + "/none")
        await #expect(throws: SystemError.self) { _ = try await library.plugins() }
        #expect(library.problems().map(\.problem).joined().contains("cannot use its folder"))
        #expect(try await PluginFolder(folder.path).plugins() == [])
    }

    @Test("A link that took the place of a plugin is not sent")
    func exchanged() async throws {
        let folder = try TemporaryFolder()
        try write(folder)
        let library = PluginFolder(folder.path)
        let plugin = try #require(try await library.plugins().first)
        let path = "\(folder.path)/\(Self.path)"
        try Files.replace(folder.path + "/same", with: "content".utf8)
        try Files.remove(path)
        #expect(symlink(folder.path + "/same", path) == 0)
        await #expect(throws: SystemError.self) {
            _ = try await library.read(archive(plugin), from: 0)
        }
    }
}
