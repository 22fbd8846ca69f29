import AgentCore
import Glibc
import Support

/// This program under the name of QEMU: becomes the real one, with a control socket for the
/// attempt's supervisor. Only what QEMU itself would inherit is left behind: no process, and but
/// one descriptor.
enum ShimProgram {
    /// - Parameters:
    ///   - name: the program that is asked for, without a folder.
    ///   - words: the command line as it stands, the program first.
    /// - Returns: an exit status, when nothing could be run.
    static func run(_ name: String, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>)
        -> Int32
    {
        let searchPath = getenv("PATH").map { String(cString: $0) } ?? ""
        guard let program = find(name, searchPath) else {
            AgentProgram.complain("aibuild-agent: \(name) is not installed (PATH=\(searchPath))")
            return 127
        }
        // Passed on as they are: they need not be UTF-8.
        var passed: [UnsafeMutablePointer<CChar>?] = []
        while let word = words[passed.count] { passed.append(word) }
        let arguments = passed.dropFirst().map { $0.map { String(cString: $0) } ?? "" }
        // Whoever was called by a path finds itself by it.
        if passed[0].map({ String(cString: $0).contains("/") }) == true {
            passed[0] = strdup(program)
        }
        for addition in additions(arguments) { passed.append(strdup(addition)) }
        passed.append(nil)
        execv(program, passed)
        AgentProgram.complain("aibuild-agent: \(SystemError.last("cannot run \(program)"))")
        return 126
    }

    private static func additions(_ arguments: [String]) -> [String] {
        guard let folder = getenv(EmulatorShim.folderVariable) else { return [] }
        // Inherited by QEMU: the socket's path leads through it, and so is short enough.
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { return [] }
        let additions = EmulatorShim.additions(
            arguments, folder: "/proc/self/fd/\(descriptor)", pid: getpid())
        if additions.isEmpty { close(descriptor) }
        return additions
    }

    /// The first program of that name which is not this one.
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
