public import BuildProtocol

/// Whose fault the end of a build program was.
public enum FaultClassifier {
    /// How a build program ended, by itself.
    public struct End: Sendable, Hashable {
        public enum Program: Sendable, Hashable { case packer, command }
        public var program: Program
        public var exitCode: Int?
        public var signal: Int?
        /// The end of what it printed.
        public var tail: String
        /// Its own summary of what went wrong, `nil` where it has none.
        public var summary: String?
        /// How its QEMU ended, where that is known.
        public var qemuExit: QEMUExit?
        /// Whether QEMU has said anything.
        public var hasQEMUOutput: Bool
        /// How long before Packer's first error QEMU was gone, if it was.
        public var qemuGoneMilliseconds: Int64?
        /// Least free room seen on the host's disk while it ran.
        public var lowestFreeBytes: Int64
        /// Processes that the host's kernel killed for want of memory while it ran.
        public var outOfMemoryKills: Int64

        public init(
            program: Program, exitCode: Int? = nil, signal: Int? = nil, tail: String,
            summary: String? = nil, qemuExit: QEMUExit? = nil, hasQEMUOutput: Bool = false,
            qemuGoneMilliseconds: Int64? = nil, lowestFreeBytes: Int64,
            outOfMemoryKills: Int64 = 0
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
            self.outOfMemoryKills = outOfMemoryKills
        }
    }

    /// Signals that come from outside: the kernel out of memory, an operator, a shutdown. A program
    /// that crashes gets others.
    static let externalSignals: Set<Int> = [1, 2, 9, 15]

    /// `nil` when the program ended well.
    public static func fault(_ end: End) -> Fault? {
        if end.signal == nil, end.exitCode == 0 { return nil }
        let name = end.program == .packer ? "Packer" : "the build command"
        if let signal = end.signal, externalSignals.contains(signal) {
            return Fault(
                .infrastructure, .buildKilled,
                "\(name) was killed by signal \(signal) from outside (out of memory? a shutdown?)"
                    + output(end))
        }
        if let fault = end.qemuExit?.fault {
            return Fault(fault.class, fault.code, fault.reason + output(end))
        }
        // A shell tells of a child that was killed, and then fails by itself. That the kernel has
        // killed somebody says no more than that it may have been this one: the words must, too.
        if end.outOfMemoryKills > 0, end.exitCode == 128 + 9 || mentions(end, ["killed"]) {
            return Fault(
                .infrastructure, .buildKilled,
                "a program of \(name) was killed, and the host ran out of memory meanwhile"
                    + output(end))
        }
        // The same words from inside a guest mean that the guest's disk is too small: then the
        // host has room. Where the host had none at all, many programs fail without those words.
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

    /// Faults of the host that Packer tells apart only by its words. Looked for in its summary, not
    /// in the whole output, where a guest may say the same of itself.
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
                "QEMU was told to end from outside (an operator? a shutdown?)" + output(end))
        }
        return end.qemuExit == nil ? unseenFault(end) : nil
    }

    /// Of a QEMU whose end nobody saw: a template called it by its path, or what stands before it
    /// was killed, too. Packer itself kills it after an error.
    private static func unseenFault(_ end: End) -> Fault? {
        // Whoever cannot start says why.
        if mentions(end.summary, qemuNotStarted), !end.hasQEMUOutput {
            return Fault(
                .infrastructure, .buildKilled,
                "QEMU was gone as soon as it was started, without a word: it was killed from "
                    + "outside (out of memory?)" + output(end))
        }
        // Packer does not look after QEMU: it goes on waiting for a guest that is gone.
        if let gone = end.qemuGoneMilliseconds, gone >= AgentLimits.qemuGoneMilliseconds {
            return Fault(
                .infrastructure, .buildKilled,
                "QEMU ended \(gone / 1000) s before Packer noticed: it was killed from outside "
                    + "(out of memory?), or the guest switched itself off" + output(end))
        }
        return nil
    }

    private static let diskFull = ["no space left on device", "disk quota exceeded"]
    private static let portRace = [
        "bind: address already in use", "could not set up host forwarding rule",
        "error finding vnc port", "could not find available vnc port",
        "failed to find an available port", "failed to bind socket: address already in use",
    ]
    /// As Packer tells of its own children: QEMU, qemu-img.
    private static let programKilled = ["signal: killed"]
    /// QEMU's own words for SIGTERM, SIGINT and SIGHUP; Packer sends it none of them.
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
        let lines = end.tail.split(separator: "\n").suffix(AgentLimits.reasonLines)
        return lines.isEmpty ? "; it printed nothing" : ":\n" + lines.joined(separator: "\n")
    }
}
