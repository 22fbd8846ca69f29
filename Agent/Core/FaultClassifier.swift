public import BuildProtocol
import TextKit

/// Decides which fault the exit of a build program was.
public enum FaultClassifier {
    /// How a build program ended, by itself.
    public struct End: Sendable, Hashable {
        public enum Program: Sendable, Hashable { case packer, command }
        public var program: Program
        public var exitCode: Int?
        public var signal: Int?
        public var tail: String
        /// Its own summary of what went wrong, if it gives one.
        public var summary: String?
        /// How its QEMU exited, if known.
        public var qemuExit: QEMUExit?
        /// Whether QEMU printed anything.
        public var hasQEMUOutput: Bool
        /// How long before Packer's first error QEMU had exited, if it had.
        public var qemuGoneMilliseconds: Int64?
        /// The minimum free space on the host's disk while it ran.
        public var lowestFreeBytes: Int64
        /// The limit of the attempt's memory, if the kernel killed a process because of it.
        public var exceededMemoryBytes: Int64?
        /// Processes that the host's kernel killed for lack of memory while it ran.
        public var outOfMemoryKills: Int64

        public init(
            program: Program, exitCode: Int? = nil, signal: Int? = nil, tail: String,
            summary: String? = nil, qemuExit: QEMUExit? = nil, hasQEMUOutput: Bool = false,
            qemuGoneMilliseconds: Int64? = nil, lowestFreeBytes: Int64,
            exceededMemoryBytes: Int64? = nil, outOfMemoryKills: Int64 = 0
        ) {
            self.program = program
            self.exitCode = exitCode
            self.signal = signal
            self.tail = tail
            self.summary = summary
            self.qemuExit = qemuExit
            self.hasQEMUOutput = hasQEMUOutput
            self.qemuGoneMilliseconds = qemuGoneMilliseconds
            self.lowestFreeBytes = lowestFreeBytes
            self.exceededMemoryBytes = exceededMemoryBytes
            self.outOfMemoryKills = outOfMemoryKills
        }
    }

    /// Signals of others: the kernel out of memory, an operator, a shutdown. A program that crashes
    /// gets different ones.
    static let externalSignals: Set<Int> = [1, 2, 9, 15]

    /// `nil` if the program succeeded.
    public static func fault(_ end: End) -> Fault? {
        if end.signal == nil, end.exitCode == 0 { return nil }
        let name = end.program == .packer ? "Packer" : "the build command"
        if let limit = end.exceededMemoryBytes {
            let fault = memoryFault(limit)
            return Fault(fault.class, fault.code, fault.reason + output(end))
        }
        if let signal = end.signal, externalSignals.contains(signal) {
            return Fault(
                .infrastructure, .buildKilled,
                "\(name) was killed by signal \(signal) from outside (out of memory? a shutdown?)"
                    + output(end))
        }
        if let fault = end.qemuExit?.fault {
            return Fault(fault.class, fault.code, fault.reason + output(end))
        }
        // A shell reports that a child was killed, and then fails by itself. An out-of-memory kill
        // on the host may have hit another build, so the output must report one as well.
        if end.outOfMemoryKills > 0, end.exitCode == 128 + 9 || mentions(end, ["killed"]) {
            return Fault(
                .infrastructure, .buildKilled,
                "a program of \(name) was killed while the host was out of memory"
                    + output(end))
        }
        // From inside a guest the same message means that the guest's disk is too small; the host
        // then has space. If the host had none at all, many programs fail without that message.
        if end.lowestFreeBytes < AgentLimits.exhaustedDiskBytes
            || end.lowestFreeBytes < AgentLimits.fullDiskBytes && mentions(end, diskFull)
        {
            return Fault(
                .infrastructure, .diskFull,
                "the host's disk was full: only \(end.lowestFreeBytes >> 20) MiB were left"
                    + output(end))
        }
        if end.program == .packer, let fault = packerFault(end) { return fault }
        let how =
            end.signal.map { "crashed by signal \($0)" }
            ?? "ended with exit status \(end.exitCode ?? -1)"
        return Fault(
            .template, end.program == .packer ? .packerFailed : .commandFailed,
            "\(name) \(how)" + output(end))
    }

    /// The fault of an attempt whose processes needed more memory than its limit.
    public static func memoryFault(_ limitBytes: Int64) -> Fault {
        Fault(
            .template, .memoryExceeded,
            "the build needed more memory than it may have, and the kernel killed a process of "
                + "it. The limit is \(limitBytes >> 20) MiB: its `requirements: memory`, and what "
                + "QEMU needs beside its guest. Raise `requirements: memory` in aibuild.yml, or "
                + "use less")
    }

    /// Faults of the host that only Packer's messages tell apart. Searched for in its summary, not
    /// in the whole output, in which a guest may print the same.
    private static func packerFault(_ end: End) -> Fault? {
        if mentions(end.summary, portRace) {
            return Fault(
                .infrastructure, .portRace,
                "another program took a port that this build was about to use" + output(end))
        }
        if mentions(end.summary, programKilled) {
            return Fault(
                .infrastructure, .buildKilled,
                "a program that Packer ran was killed from outside (out of memory? a shutdown?)"
                    + output(end))
        }
        if mentions(end.summary, qemuMissing) {
            return Fault(
                .infrastructure, .hostError,
                "QEMU is not installed on the host, or not in the agent's PATH" + output(end))
        }
        if mentions(end.summary, qemuTerminated) {
            return Fault(
                .infrastructure, .buildKilled,
                "QEMU was terminated from outside (an operator? a shutdown?)" + output(end))
        }
        return end.qemuExit == nil ? unseenFault(end) : nil
    }

    /// Faults of a QEMU whose exit was not recorded: the template started it by its path, or the
    /// shim was killed as well. Packer itself kills it after an error.
    private static func unseenFault(_ end: End) -> Fault? {
        // A QEMU that cannot start prints why.
        if mentions(end.summary, qemuNotStarted), !end.hasQEMUOutput {
            return Fault(
                .infrastructure, .buildKilled,
                "QEMU exited as soon as it was started, without any output: it was killed from "
                    + "outside (out of memory?)" + output(end))
        }
        // Packer does not watch QEMU: it continues to wait for a guest that has exited.
        if let gone = end.qemuGoneMilliseconds, gone >= AgentLimits.qemuGoneMilliseconds {
            return Fault(
                .infrastructure, .buildKilled,
                "QEMU ended \(gone / 1000) s before Packer noticed: it was killed from outside "
                    + "(out of memory?), or the guest shut down" + output(end))
        }
        return nil
    }

    private static let diskFull = ["no space left on device", "disk quota exceeded"]
    private static let portRace = [
        "bind: address already in use", "could not set up host forwarding rule",
        "error finding vnc port", "could not find available vnc port",
        "failed to find an available port", "failed to bind socket: address already in use",
    ]
    /// How Packer reports its own children: QEMU, qemu-img.
    private static let programKilled = ["signal: killed"]
    /// How QEMU reports SIGTERM, SIGINT and SIGHUP; Packer sends none of them.
    private static let qemuTerminated = ["terminating on signal"]
    private static let qemuNotStarted = ["qemu failed to start"]
    private static let qemuMissing = [
        "failed creating qemu driver: exec:", "\"qemu-system-x86_64\": executable file not found",
        "\"qemu-img\": executable file not found",
    ]

    private static func mentions(_ end: End, _ phrases: [String]) -> Bool {
        mentions(end.tail, phrases) || mentions(end.summary, phrases)
    }

    private static func mentions(_ text: String?, _ phrases: [String]) -> Bool {
        guard let text, !text.isEmpty else { return false }
        let bytes = Array(text.lowercased().utf8)
        return phrases.contains { phrase in contains(bytes, Array(phrase.utf8)) }
    }

    private static func contains(_ bytes: [UInt8], _ phrase: [UInt8]) -> Bool {
        guard bytes.count >= phrase.count else { return false }
        return (0...(bytes.count - phrase.count)).contains { start in
            bytes[start] == phrase[0] && bytes[start...].starts(with: phrase)
        }
    }

    /// What the program printed, for the end of a reason.
    private static func output(_ end: End) -> String {
        if let summary = end.summary, !summary.isEmpty { return ":\n" + summary }
        let lines = end.tail.lines.suffix(AgentLimits.reasonLines)
        return lines.isEmpty ? "; it printed nothing" : ":\n" + lines.joined(separator: "\n")
    }
}
