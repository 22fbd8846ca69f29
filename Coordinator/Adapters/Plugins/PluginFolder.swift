public import BuildProtocol
public import CoordinatorCore
import Glibc
import Support
import Synchronization
import TextKit

/// A folder of the coordinator with Packer's plugins, laid out as Packer's own.
///
/// What is listed is what the names and the checksum files say. A file is compared with its
/// checksum when the first host is sent it, and again if it has changed since.
public final class PluginFolder: PluginLibrary {
    private struct State {
        /// By digest.
        var listed: [String: PackerPlugin] = [:]
        /// What was found of each file that a host was to be sent.
        var verdicts: [String: Verdict] = [:]
        var problems: [String] = []
    }

    private struct Verdict {
        var sha256: String
        var stamp: String?
        /// `nil`: the file has the digest.
        var problem: String?
    }

    private let folder: String
    private let state = Mutex(State())

    public init(_ folder: String) { self.folder = folder }

    // MARK: Listing

    /// - Throws: `SystemError` if the folder cannot be read.
    public func plugins() async throws -> [PackerPlugin] {
        let (found, problems) = try await OwnThread.run { [folder] in
            var look = PluginLook(folder: folder)
            try look.visit([])
            return (look.found, look.problems)
        }
        let isNew = state.withLock { state in
            defer { state.problems = problems }
            let files = Set(found.map(\.file))
            state.verdicts = state.verdicts.filter { files.contains($0.key) }
            state.listed = Dictionary(found.map { ($0.sha256, $0) }, uniquingKeysWith: { $1 })
            return state.problems != problems
        }
        if isNew { for problem in problems { Logger("plugins").warning(problem) } }
        return found
    }

    /// What keeps files of the folder from the hosts, for the operator.
    public func problems() -> [SetupProblem] {
        var found: [SetupProblem] = []
        if access(folder + "/", R_OK | X_OK) != 0 {
            let error = SystemError.last(
                "The coordinator cannot use its folder of plugins \(folder)")
            found.append(
                SetupProblem(
                    "\(error)",
                    remedy: "Create the folder, or correct packer_plugins in coordinator.yml"))
        }
        let texts = state.withLock { state in
            state.problems + state.verdicts.values.compactMap(\.problem).sorted()
        }
        return found
            + texts.map {
                SetupProblem($0, remedy: "Correct it: docs/hosts.md, \"Plugins for all hosts\"")
            }
    }

    // MARK: Sending

    /// At most 1 MiB of a file from `offset`; empty at its end, `nil` if no plugin has the digest.
    /// - Throws: if the file is not what its checksum says.
    public func read(_ file: TemplateArchive, from offset: Int64) async throws -> [UInt8]? {
        guard let plugin = state.withLock({ $0.listed[file.sha256] }) else { return nil }
        let path = "\(folder)/\(plugin.file)"
        if offset == 0 { try await verify(plugin, path) }
        // A link that took its place meanwhile would be another file.
        let source = try Descriptor(path, O_RDONLY | O_NOFOLLOW)
        return try [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            count = try source.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }

    private func verify(_ plugin: PackerPlugin, _ path: String) async throws {
        let stamp = Files.stamp(path)
        let known = state.withLock { $0.verdicts[plugin.file] }
        var verdict = Verdict(sha256: plugin.sha256, stamp: stamp)
        if let known, known.sha256 == plugin.sha256, known.stamp == stamp, stamp != nil {
            verdict = known
        } else {
            let digest = try await OwnThread.run { try SHA256.file(path) }
            if digest != plugin.sha256 {
                verdict.problem =
                    "The plugin \(path) is not the file of its checksum: its SHA-256 is "
                    + "\(digest), not \(plugin.sha256)"
            }
            state.withLock { $0.verdicts[plugin.file] = verdict }
        }
        if let problem = verdict.problem { throw Failure(problem) }
    }
}

/// One look at a folder of plugins.
private struct PluginLook {
    let folder: String
    var found: [PackerPlugin] = []
    var problems: [String] = []
    /// Files and folders that are looked at, so that a wrong folder costs little.
    private var visits = 4096
    private var rest = ProtocolLimits.pluginsBytes

    init(folder: String) { self.folder = folder }

    mutating func visit(_ folders: [String]) throws {
        for name in try Files.list(([folder] + folders).joined(separator: "/")) {
            guard visits > 0 else { return }
            visits -= 1
            let file = (folders + [name]).joined(separator: "/")
            switch Files.kind("\(folder)/\(file)") {
            case .folder where folders.count < PackerPluginFile.sourceParts:
                try visit(folders + [name])
            case .file: take(file)
            case .link:
                problems.append(
                    "The link \(folder)/\(file) is not followed, because it may lead anywhere: "
                        + "copy what it leads to")
            default: continue
            }
        }
    }

    private mutating func take(_ file: String) {
        let name = Files.name(of: file)
        guard name.hasPrefix("packer-plugin-"), !name.hasSuffix(PackerPluginFile.checksumSuffix)
        else { return }
        let path = "\(folder)/\(file)"
        let sum = try? Files.read(path + PackerPluginFile.checksumSuffix, limitBytes: 1024)
        let word = sum?.split { $0 <= 0x20 }.first.map { String(decoding: $0, as: UTF8.self) }
        let plugin = PackerPlugin(
            file: file, sha256: word ?? "", sizeBytes: Files.sizeBytes(path) ?? 0)
        if PackerPluginPath(file) == nil {
            problems.append(
                "The file \(path) is no plugin of Packer for Linux in the folder of its source "
                    + "(github.com/hashicorp/qemu/packer-plugin-qemu_v1.0.9_x5.0_linux_amd64)")
        } else if plugin.place == nil, !Names.isSHA256(plugin.sha256) {
            problems.append(
                "The plugin \(path) has no SHA-256 in a file beside it: "
                    + "\(name)\(PackerPluginFile.checksumSuffix)")
        } else if plugin.place == nil || plugin.sizeBytes > rest
            || found.count >= ProtocolLimits.plugins
        {
            problems.append(
                "The plugin \(path) exceeds a limit: at most \(ProtocolLimits.plugins) plugins of "
                    + "\(ByteSize.text(ProtocolLimits.templateBytes)) each and "
                    + "\(ByteSize.text(ProtocolLimits.pluginsBytes)) together are handed out")
        } else {
            rest &-= plugin.sizeBytes
            found.append(plugin)
        }
    }
}
