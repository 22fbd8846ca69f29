import AgentCore
import Glibc
import ProcessKit
import Support

/// This program under the name of QEMU: runs the real one with a control socket for the attempt's
/// supervisor, and records how it exited. The caller sees no difference: signals are passed on to
/// QEMU, which dies with the shim, and the shim exits as QEMU did.
///
/// It stays in memory, since only a parent learns how a process ended, and Packer does not report
/// it: a QEMU killed from outside fails a build with the same message as one that a template stops.
/// Packer may notice the broken connection first and kill the process that it started; the keeper
/// behind it still records the exit. Both are small compared to QEMU, so that the kernel does not
/// choose them when memory runs out.
enum QEMUShimProgram {
    /// - Parameters:
    ///   - name: the requested program, without a folder.
    ///   - arguments: `argv` as the process got it.
    /// - Returns: an exit status, if nothing could be run.
    static func run(_ name: String, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>)
        -> Int32
    {
        let searchPath = getenv("PATH").map { String(cString: $0) } ?? ""
        guard let program = find(name, searchPath) else {
            AgentProgram.printError("aibuild-agent: \(name) is not installed (PATH=\(searchPath))")
            return 127
        }
        // Passed on as bytes: they need not be UTF-8.
        var passed: [UnsafeMutablePointer<CChar>?] = []
        while let argument = arguments[passed.count] { passed.append(strdup(argument)) }
        ProxyProcess.hideCommandLine(as: "aibuild-agent", arguments)
        let own = passed.dropFirst().map { $0.map { String(cString: $0) } ?? "" }
        // A program called by its path may locate itself by it.
        if passed[0].map({ String(cString: $0).contains("/") }) == true {
            passed[0] = strdup(program)
        }
        for addition in additions(own) { passed.append(strdup(addition)) }
        passed.append(nil)
        let record = exitRecord()
        do throws(SystemError) {
            let (status, wasPassedOn) = try ProxyProcess.run(program, passed)
            // Such a signal came from whoever started it, such as Packer: no kill from outside.
            if let record, !wasPassedOn { writeExit(status, to: record) }
            ProxyProcess.exit(as: status)
        } catch {
            AgentProgram.printError("aibuild-agent: \(error)")
            return 126
        }
    }

    /// The file for the exit. It stays empty, and locked, until QEMU has exited.
    private static func exitRecord() -> Descriptor? {
        guard let folder = getenv(QEMUShim.folderVariable) else { return nil }
        let path = "\(String(cString: folder))/\(getpid())\(QEMUShim.exitSuffix)"
        guard let file = try? Descriptor(path, O_WRONLY | O_CREAT | O_EXCL),
            flock(file.raw, LOCK_EX | LOCK_NB) == 0
        else { return nil }
        return file
    }

    private static func writeExit(_ status: ExitStatus, to file: borrowing Descriptor) {
        let exit: QEMUExit =
            switch status {
            case .exited(let code): .exited(code)
            case .killed(let signal): .killed(signal: signal)
            }
        // On a full disk, that is the fault.
        try? file.writeAll(Array(exit.text.utf8))
    }

    private static func additions(_ arguments: [String]) -> [String] {
        guard let folder = getenv(QEMUShim.folderVariable) else { return [] }
        // Inherited by QEMU: the socket's path goes through it, which keeps it short enough.
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { return [] }
        let additions = QEMUShim.additions(
            arguments, folder: "/proc/self/fd/\(descriptor)", pid: getpid())
        if additions.isEmpty { close(descriptor) }
        return additions
    }

    /// The first program of that name that is not this one.
    private static func find(_ name: String, _ searchPath: String) -> String? {
        var own = stat()
        guard stat("/proc/self/exe", &own) == 0 else { return nil }
        for folder in searchPath.split(separator: ":") {
            let path = "\(folder)/\(name)"
            var info = stat()
            guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG,
                info.st_dev != own.st_dev || info.st_ino != own.st_ino, access(path, X_OK) == 0
            else { continue }
            return path
        }
        return nil
    }
}

/// The folder of links to the shim, which precedes QEMU in the `PATH` of a build program.
enum QEMUShimLinks {
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
        let program = OwnProgram.path
        for name in names {
            let link = "\(folder.shim)/\(name)"
            if symlink(program, link) != 0, errno != EEXIST {
                throw SystemError.last("cannot make \(link)")
            }
        }
    }
}
