import ProcessKit
import Support
import TestSupport

/// A machine of its own for what a test cannot do to the one it runs on: QEMU with Debian's kernel,
/// busybox, and programs of this machine. Its first process is a shell script.
struct KernelGuest {
    private let folder: TemporaryFolder
    private var root: String { folder.path + "/root" }

    /// - Parameter programs: paths of programs, which are in the guest's PATH by their names.
    init(programs: [String], script: String) async throws {
        folder = try TemporaryFolder()
        for name in ["bin", "dev", "proc", "sys", "tmp"] { try Files.makeFolder("\(root)/\(name)") }
        try await Self.run(["cp", "/bin/busybox", "\(root)/bin"])
        try await Self.run(["chroot", root, "/bin/busybox", "--install", "-s", "/bin"])
        for path in programs {
            // Not through the link that busybox made, which leads to a file of this machine.
            try await Self.run(["cp", "--remove-destination", path, "\(root)/bin"])
            for library in try await Self.libraries(path) {
                try Files.makeFolder(root + Files.folder(of: library))
                try await Self.run(["cp", "-L", library, root + library])
            }
        }
        try add("init", Array(script.utf8), mode: 0o755)
    }

    /// Adds a file of the guest.
    func add(_ path: String, _ content: [UInt8], mode: Int32 = 0o644) throws {
        let path = "\(root)/\(path)"
        try Files.makeFolder(Files.folder(of: path))
        try Files.replace(path, with: content, mode: mode)
    }

    /// Runs the guest until it powers off.
    /// - Returns: what its console showed.
    func run(memoryMiB: Int, seconds: Int) async throws -> String {
        try await Self.run([
            "sh", "-c", "cd '\(root)' && find . | cpio --create --format newc --quiet >../initrd",
        ])
        let console = "\(folder.path)/console"
        func shown() -> String {
            String(decoding: (try? Files.read(console, limitBytes: 4 << 20)) ?? [], as: UTF8.self)
        }
        do {
            try await Self.run(
                [
                    "qemu-system-x86_64", "-accel", "tcg", "-m", String(memoryMiB), "-nodefaults",
                    "-display", "none", "-no-reboot", "-serial", "file:\(console)",
                    "-kernel", try Self.kernel(), "-initrd", "\(folder.path)/initrd",
                    "-append", "console=ttyS0 quiet panic=-1",
                ], seconds: seconds)
        } catch {
            throw Failure("\(error); the console showed: \(shown())")
        }
        return shown()
    }

    /// The newest cloud kernel, installed or only unpacked (scripts/install-packages.sh does that).
    private static func kernel() throws -> String {
        let project = Files.folder(of: Files.folder(of: Files.folder(of: "\(#filePath)")))
        for folder in ["/boot", "\(project)/.deps/kernel/boot"] {
            let names = ((try? Files.list(folder)) ?? []).filter {
                $0.hasPrefix("vmlinuz-") && $0.hasSuffix("-cloud-amd64")
            }
            if let newest = names.max() { return "\(folder)/\(newest)" }
        }
        throw Failure("no kernel: run scripts/install-packages.sh")
    }

    private static func libraries(_ program: String) async throws -> [String] {
        try await run(["ldd", program]).stdoutText.split { $0 == " " || $0 == "\n" || $0 == "\t" }
            .map(String.init).filter { $0.hasPrefix("/") }
    }

    @discardableResult
    private static func run(_ words: [String], seconds: Int = 60) async throws -> Command.Output {
        let output = try await Command(words, environment: Command.minimalEnvironment)
            .run(timeoutSeconds: seconds, outputLimitBytes: 4 << 20)
        guard output.status.isSuccess else {
            throw Failure("\(words[0]): \(output.status) \(output.stdoutText)\(output.stderrText)")
        }
        return output
    }
}
