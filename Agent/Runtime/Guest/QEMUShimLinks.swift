import AgentCore
import Glibc
import ProcessKit
import Support

/// The folder of links that stand before QEMU in the `PATH` of a build program.
enum QEMUShimLinks {
    /// What the kernel adds to the path of a program whose file an upgrade has replaced.
    private static let replaced = " (deleted)"

    /// Makes a link for each QEMU of the host. They lead to the agent's program by its path: after
    /// an upgrade to the new one, which keeps the variable and the names of files; where it is out
    /// of sight, as in a sandbox, the real QEMU comes next in the `PATH`.
    static func make(_ folder: AttemptFolder, searchPath: String) throws {
        try Files.makeFolder(folder.guests, mode: 0o700)
        try Files.makeFolder(folder.shim, mode: 0o700)
        var names: Set<String> = []
        for place in searchPath.split(separator: ":") {
            names.formUnion(
                ((try? Files.list(String(place))) ?? []).filter(QEMUShim.isQEMU))
        }
        var program = Links.target("/proc/self/exe")
        if program.hasSuffix(replaced) { program.removeLast(replaced.count) }
        for name in names {
            let link = "\(folder.shim)/\(name)"
            if symlink(program, link) != 0, errno != EEXIST {
                throw SystemError.last("cannot make \(link)")
            }
        }
    }
}
