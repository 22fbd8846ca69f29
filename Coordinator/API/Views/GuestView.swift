import BuildProtocol

/// What was observed of an attempt's guest. The screenshot has a URL of its own.
struct GuestView: Encodable {
    /// For a person: `QEMU said running; in 60 s the guest moved …`
    var summary: String
    var status: String?
    var windowSeconds: Double?
    var diskBytes, networkBytes: Int64?
    var cpuSeconds: Double?
    var notes: [String]
    var serialTail: String?
    var screenshot: String?

    init(_ evidence: GuestEvidence, of attempt: AttemptToken) {
        status = evidence.status
        windowSeconds = evidence.windowMilliseconds.map { Double($0) / 1000 }
        diskBytes = evidence.diskBytes
        networkBytes = evidence.networkBytes
        cpuSeconds = evidence.cpuMilliseconds.map { Double($0) / 1000 }
        notes = evidence.notes
        serialTail = evidence.serialTail
        screenshot =
            evidence.screenshot == nil ? nil : "/api/v1/attempts/\(attempt)/screenshot"
        summary = Self.words(evidence)
    }

    private static func words(_ evidence: GuestEvidence) -> String {
        var words: [String] = []
        if let status = evidence.status { words.append("QEMU said \(status)") }
        if let window = evidence.windowMilliseconds, let disk = evidence.diskBytes {
            let network = evidence.networkBytes.map { "\($0)" } ?? "an unknown number of"
            let cpu = evidence.cpuMilliseconds.map {
                ", and used \(Double($0) / 1000) s of processor time"
            }
            words.append(
                "in \(Double(window) / 1000) s the guest moved \(disk) bytes of disk and "
                    + "\(network) bytes of network" + (cpu ?? ""))
        }
        return words.joined(separator: "; ")
    }
}
