import AgentCore
import Glibc
import ProcessKit
import Support

/// The folder of links to the shim, which precedes QEMU in the `PATH` of a build program.
enum QEMUShimLinks {
    /// The suffix in the path of a program whose file was replaced by an upgrade.
    private static let replaced = " (deleted)"

    /// Makes a link for each QEMU of the host. They point to the path of the agent's program, which
    /// after an upgrade is the new one; it keeps the variable and the file names. If the path does
    /// not exist, as in a sandbox, the real QEMU is next in `PATH`.
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
