/// The rules of the shim that precedes QEMU in the `PATH` of a build program: it runs QEMU with a
/// control socket (and a file for the serial console), and records how it exited. Templates do not
/// notice it.
public enum QEMUShim {
    /// The environment variable that names the folder for sockets and consoles.
    public static let folderVariable = "AIBUILD_GUESTS"

    /// Whether a program of this name is QEMU.
    public static func isQEMU(_ name: String) -> Bool {
        name.hasPrefix("qemu-system-") || name == "qemu-kvm"
    }

    /// Arguments that are added to QEMU's own.
    ///
    /// - Parameters:
    ///   - arguments: without the program.
    ///   - folder: a short path without a comma: a socket's path may have 107 bytes.
    public static func additions(
        _ arguments: [String], folder: String, pid: Int32
    ) -> [String] {
        if isInformational(arguments) { return [] }
        let added = ["-qmp", "unix:\(folder)/\(pid)\(socketSuffix),server=on,wait=off"]
        if configuresSerial(arguments) { return added }
        return added + ["-serial", "file:\(folder)/\(pid)\(serialSuffix)"]
    }

    public static let socketSuffix = ".qmp"
    public static let serialSuffix = ".serial"
    public static let exitSuffix = ".end"

    /// The process id in the name of a file: the shim's, as its caller knows it.
    public static func pid(ofFile name: String, suffix: String) -> Int32? {
        name.hasSuffix(suffix) ? Int32(name.dropLast(suffix.count)) : nil
    }

    /// Whether QEMU is only asked for its version, help or capabilities, and runs no guest.
    private static func isInformational(_ arguments: [String]) -> Bool {
        let questions: Set = ["version", "h", "help"]
        var before = ""
        for argument in arguments {
            if let option = option(argument), questions.contains(option) { return true }
            let last = argument.split(separator: ",").last ?? ""
            if last == "help" || last == "?" { return true }
            if before == "machine" || before == "M" {
                let first = argument.split(separator: ",").first ?? ""
                if first == "none" || first == "type=none" { return true }
            }
            before = option(argument) ?? ""
        }
        return false
    }

    /// Whether the arguments configure the serial console themselves; it is then left to them.
    private static func configuresSerial(_ arguments: [String]) -> Bool {
        let options: Set = ["serial", "nographic", "nodefaults", "readconfig"]
        let devices = ["isa-serial", "pci-serial"]
        var before = ""
        for argument in arguments {
            if let option = option(argument), options.contains(option) { return true }
            if before == "device", devices.contains(where: argument.hasPrefix) { return true }
            before = option(argument) ?? ""
        }
        return false
    }

    /// QEMU accepts options with one dash or two.
    private static func option(_ argument: String) -> String? {
        guard argument.hasPrefix("-") else { return nil }
        return String(argument.dropFirst(argument.hasPrefix("--") ? 2 : 1))
    }
}
