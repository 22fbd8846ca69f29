public import BuildProtocol
public import PackerKit

/// Parses the output of `packer build -machine-readable`: messages for people, the files that it
/// made, why it failed.
public struct PackerOutput: Sendable {
    public struct Message: Sendable, Hashable {
        public var stream: LogRecord.Stream
        /// Lines ended by newlines.
        public var text: [UInt8]
    }

    /// Paths of the files of all artifacts, as Packer named them, in order, each once.
    public private(set) var files: [String] = []
    /// The errors of the builds, from Packer's summary at the end.
    public private(set) var errors: [String] = []
    /// The last lines that Packer printed as errors.
    private var errorLines: [String] = []
    /// The process ids of the QEMUs that Packer started, in order.
    public private(set) var qemuPIDs: [Int32] = []
    /// Packer has announced that it stops QEMU.
    private var isHalting = false
    /// QEMU's standard error, which Packer prints only to its debug log.
    private var qemuLines: [String] = []
    private var steps: ProvisionerSteps

    /// - Parameter provisioners: of the template; empty if several images are built at once.
    public init(provisioners: [ProvisionerBlock] = []) { steps = ProvisionerSteps(provisioners) }

    /// A line of standard output, without its newline.
    public mutating func output(_ line: some Collection<UInt8>) -> [Message] {
        guard let parsed = PackerLine(line) else {
            return [Message(stream: .out, text: line + [0x0A])]
        }
        switch parsed.type {
        case "ui":
            guard let message = uiMessage(parsed.data) else { return [] }
            return step(message).map { [$0, message] } ?? [message]
        case "error":
            keep(String(decoding: parsed.data.first ?? [], as: UTF8.self), in: &errors)
        case "artifact":
            // artifact,<number>,file,<number>,<path>
            if parsed.data.count == 4, parsed.data[1] == Array("file".utf8) {
                let path = String(decoding: parsed.data[3], as: UTF8.self)
                if !files.contains(path), files.count < ProtocolLimits.artifactsPerAttempt {
                    files.append(path)
                }
            }
        default: break
        }
        return []
    }

    /// A line of standard error: the debug log, of which only QEMU's output is kept, or a crash
    /// report.
    public mutating func debug(_ line: some Collection<UInt8>) -> Message? {
        guard Self.isDebugLog(line) else { return Message(stream: .err, text: line + [0x0A]) }
        if let text = Self.after("Started Qemu. Pid: ", in: line),
            let pid = Int32(String(decoding: text, as: UTF8.self)),
            qemuPIDs.count < AgentLimits.guestsPerAttempt
        {
            qemuPIDs.append(pid)
        }
        guard let text = Self.after("Qemu stderr: ", in: line) else { return nil }
        keep(String(decoding: text, as: UTF8.self), in: &qemuLines)
        return Message(stream: .err, text: Array("qemu: ".utf8) + text + [0x0A])
    }

    /// Packer may have stopped QEMU: something went wrong, or the guest is ready.
    public var mayHaveKilled: Bool { !errorLines.isEmpty || !errors.isEmpty || isHalting }

    public var hasQEMUOutput: Bool { !qemuLines.isEmpty }

    /// Why the build failed, from the messages of Packer and QEMU.
    public var reason: String {
        var lines = errors
        for line in qemuLines where !lines.contains(line) { lines.append("qemu: " + line) }
        lines += errorLines.filter { line in
            !errors.contains { line.hasSuffix($0) } && !line.hasPrefix("==> Some builds didn't")
        }
        return lines.suffix(AgentLimits.reasonLines).joined(separator: "\n")
    }

    /// A line that names the provisioner which the message begins.
    private mutating func step(_ message: Message) -> Message? {
        let said = String(decoding: message.text, as: UTF8.self)
        guard message.stream == .out, said.hasPrefix("==> "), let colon = said.firstIndex(of: ":")
        else { return nil }
        let words = said[said.index(after: colon)...].drop { $0 == " " }
        return steps.begins(String(words)).map {
            Message(stream: .sys, text: Array("provisioner \($0)\n".utf8))
        }
    }

    private mutating func uiMessage(_ data: [[UInt8]]) -> Message? {
        guard data.count >= 2 else { return nil }
        let isError = data[0] == Array("error".utf8)
        if Self.after("Halting the virtual machine", in: data[1]) != nil { isHalting = true }
        // Packer pads its paragraphs with newlines at both ends.
        var text = data[1][...]
        while text.first == 0x0A { text = text.dropFirst() }
        while text.last == 0x0A { text = text.dropLast() }
        if isError {
            for line in text.split(separator: 0x0A) {
                keep(String(decoding: line, as: UTF8.self), in: &errorLines)
            }
        }
        return Message(stream: isError ? .err : .out, text: text + [0x0A])
    }

    private func keep(_ line: String, in lines: inout [String]) {
        if lines.last == line { return }
        lines.append(line.prefixOfUTF8(1024))
        if lines.count > AgentLimits.reasonLines { lines.removeFirst() }
    }

    /// `2006/01/02 15:04:05 …`, the form of Go's log.
    private static func isDebugLog(_ line: some Collection<UInt8>) -> Bool {
        let pattern = Array("0000/00/00 00:00:00 ".utf8)
        let head = Array(line.prefix(pattern.count))
        return head.count == pattern.count
            && zip(head, pattern).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "0") ? (48...57).contains(byte) : byte == wanted
            }
    }

    private static func after(_ marker: String, in line: some Collection<UInt8>) -> [UInt8]? {
        let marker = Array(marker.utf8)
        // The marker is near the start, after the date and the name of the plugin.
        var rest = line.prefix(256)[...]
        while rest.count >= marker.count {
            if rest.starts(with: marker) {
                return Array(line[rest.startIndex...].dropFirst(marker.count))
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}

/// A line of `packer -machine-readable`: `timestamp,target,type,data…`. The data may be any bytes.
public struct PackerLine: Sendable, Hashable {
    public var target: String
    public var type: String
    public var data: [[UInt8]]

    /// `nil` if the line does not have this form: output of another program, a crash report.
    public init?(_ line: some Collection<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 3, !fields[0].isEmpty,
            fields[0].allSatisfy({ (48...57).contains($0) }),
            fields[2].allSatisfy({ $0 == 0x2D || (97...122).contains($0) }), !fields[2].isEmpty
        else { return nil }
        target = String(decoding: fields[1], as: UTF8.self)
        type = String(decoding: fields[2], as: UTF8.self)
        data = fields.dropFirst(3).map { Self.unescape($0) }
    }

    /// Packer escapes commas, newlines and carriage returns, but not backslashes, so a literal `\n`
    /// in the output of a guest becomes a newline too.
    static func unescape(_ field: some Collection<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(field.count)
        var rest = field[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "%"), rest.starts(with: comma) {
                out.append(UInt8(ascii: ","))
                rest = rest.dropFirst(comma.count)
            } else if byte == UInt8(ascii: "\\"), let escaped = newline(rest.dropFirst().first) {
                out.append(escaped)
                rest = rest.dropFirst(2)
            } else {
                out.append(byte)
                rest = rest.dropFirst()
            }
        }
        return out
    }

    private static let comma = Array("%!(PACKER_COMMA)".utf8)

    private static func newline(_ letter: UInt8?) -> UInt8? {
        switch letter {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        default: nil
        }
    }
}
