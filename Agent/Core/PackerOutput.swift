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
    /// What Packer made elsewhere, from its summary at the end.
    private var remoteImages: [RemoteImage] = []
    /// The sources that Packer has finished, by the names in its messages.
    private var finishedSources: [String] = []
    /// Of the artifact whose lines are being read.
    private var artifact = ReportedArtifact()
    /// The errors of the builds, from Packer's summary at the end.
    public private(set) var errors: [String] = []
    /// The last lines that Packer printed as errors.
    private var errorLines: [String] = []
    /// The process ids of the QEMUs that Packer started, in order.
    public private(set) var qemuPIDs: [Int32] = []
    /// Packer was interrupted; what it says of its sources from then on does not mean that they
    /// have made something.
    private var isCancelling = false
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
        case "artifact": take(artifactLine: parsed)
        default: break
        }
        return []
    }

    /// `artifact,<number>,<what>,…`; the lines of one artifact follow each other.
    private mutating func take(artifactLine line: PackerLine) {
        let words = line.data.map { String(decoding: $0, as: UTF8.self) }
        switch (words.count, words.dropFirst().first) {
        case (3, "builder-id"): artifact = ReportedArtifact(type: words[2])
        case (3, "id"): artifact.id = words[2]
        case (4, "file"):
            artifact.hasFiles = true
            if !files.contains(words[3]), files.count < ProtocolLimits.artifactsPerAttempt {
                files.append(words[3])
            }
        case (2, "end"):
            guard let image = artifact.remoteImage(of: line.target),
                !remoteImages.contains(image), remoteImages.count < ProtocolLimits.remoteImages
            else { return }
            remoteImages.append(image)
        default: break
        }
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

    /// What is elsewhere now. Packer says it at its end, and nothing if it was interrupted: then it
    /// is what the sources have made that were finished.
    ///
    /// - Parameter sources: the names of those that make images elsewhere. Messages lack the name
    ///   of an HCL2 build, which may be before them.
    public func remoteImages(of sources: [String]) -> [RemoteImage] {
        guard remoteImages.isEmpty else { return remoteImages }
        return finishedSources.filter { finished in
            sources.contains { $0 == finished || $0.hasSuffix("." + finished) }
        }.map { RemoteImage(builder: $0, type: "", id: nil) }
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

    /// Notes that a source is finished, unless Packer was told to stop.
    private mutating func noteEnd(_ message: [UInt8], isError: Bool) {
        if isError, message.starts(with: Array("Cancelling build after".utf8)) {
            isCancelling = true
        }
        guard !isCancelling, finishedSources.count < ProtocolLimits.remoteImages,
            let source = Self.finishedSource(message)
        else { return }
        finishedSources.append(source)
    }

    /// `Build 'amazon-ebs' finished.`, in newer versions `… finished after 5 minutes 12 seconds.`
    private static func finishedSource(_ message: [UInt8]) -> String? {
        guard message.starts(with: Array("Build '".utf8)) else { return nil }
        let said = String(decoding: message.prefix(1024), as: UTF8.self)
        guard let match = said.firstMatch(of: /^Build '([^']+)' finished/) else { return nil }
        return String(match.1)
    }

    private mutating func uiMessage(_ data: [[UInt8]]) -> Message? {
        guard data.count >= 2 else { return nil }
        let isError = data[0] == Array("error".utf8)
        if Self.after("Halting the virtual machine", in: data[1]) != nil { isHalting = true }
        noteEnd(data[1], isError: isError)
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

/// What Packer says of one artifact.
private struct ReportedArtifact: Sendable {
    /// Packer calls it the id of the builder.
    var type = ""
    var id = ""
    var hasFiles = false

    /// `nil` if it consists of files, or of nothing.
    func remoteImage(of source: String) -> RemoteImage? {
        // The builder `null` makes nothing, and calls it Null.
        guard !hasFiles, !id.isEmpty, type != "fnoeding.null" else { return nil }
        return RemoteImage(builder: source, type: type, id: id)
    }
}
