import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TextKit

/// The result of probing this host's programs and accelerators.
struct HostProbe: Sendable, Hashable, Codable {
    var accelerators: Set<Accelerator> = []
    var packerVersion: String?
    var qemuVersion: String?
    /// Why builds cannot be isolated here, if they are to be.
    var isolationProblem: String?
    /// For the operator.
    var notices: [String] = []

    /// The accelerator of builds that do not require one.
    var preferredAccelerator: Accelerator? {
        if accelerators.contains(.kvm) { return .kvm }
        return accelerators.contains(.tcg) ? .tcg : nil
    }
}

/// Facts about this machine.
enum HostFacts {
    static func hostName() -> String { line("/proc/sys/kernel/hostname") ?? "this host" }

    /// Changes at every boot.
    static func bootID() -> String { line("/proc/sys/kernel/random/boot_id") ?? "" }

    static func vcpus() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    static func memoryBytes() -> Int64 {
        let text = (try? Files.read("/proc/meminfo", limitBytes: 64 << 10)) ?? []
        for line in String(decoding: text, as: UTF8.self).lines
        where line.hasPrefix("MemTotal:") {
            let fields = line.split(separator: " ")
            if fields.count > 1, let kibibytes = Int64(fields[1]) { return kibibytes << 10 }
        }
        return 0
    }

    static func hasPrograms(_ names: [String], _ searchPath: String) -> Bool {
        names.allSatisfy { Command.find($0, path: searchPath) != nil }
    }

    /// Searched for each time, so that installing it needs no restart.
    static func firmware(_ folder: String) -> UEFIFirmware? {
        UEFIFirmware.candidates(in: folder).first {
            access($0.code, R_OK) == 0 && access($0.variables, R_OK) == 0
        }
    }

    private static func line(_ path: String) -> String? {
        guard let bytes = try? Files.read(path, limitBytes: 4096) else { return nil }
        return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    }
}
