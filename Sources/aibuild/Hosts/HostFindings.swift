import BuildProtocol
import TextKit

/// What `aibuild doctor` looks at of one host.
struct HostFindings {
    enum Mark: String, Encodable {
        case good = "ok"
        case warning = "warn"
        case bad = "fail"

        var label: String { self == .bad ? "FAIL" : rawValue }

        var colour: Style.Colour {
            switch self {
            case .good: .green
            case .warning: .yellow
            case .bad: .red
            }
        }
    }

    /// Each with what to do about it.
    typealias Finding = (mark: Mark, text: String, remedy: String?)

    let host: HostAnswer
    /// Of the coordinator, `nil` if it is not known.
    let coordinatorVersion: String?

    /// A disk fuller than this leaves no room for a large image.
    private static let fullDisk = 0.1

    /// - Parameter isSeen: whether the machine itself was looked at: its disk and clock are then
    ///   not good twice.
    func all(inDetail: Bool, isSeen: Bool = false) -> [Finding] {
        var found: [Finding] = [state]
        if host.state == "ready" {
            if host.accelerators?.contains("kvm") == true {
                if inDetail { found.append((.good, "\(name): guests boot under KVM", nil)) }
            } else if host.accelerators != nil {
                found.append(
                    (
                        .warning, "\(name) has no working KVM: its builds are many times slower",
                        "Enable virtualization in its firmware, and give the agent access to "
                            + "/dev/kvm"
                    ))
            }
        }
        found += disk(inDetail: inDetail).filter { !isSeen || $0.mark != .good }
        if let clock = host.clockNote {
            found.append(
                (.warning, "\(name): the clock is \(clock)", "Check that NTP is running there"))
        } else if inDetail, !isSeen, host.state == "ready" {
            found.append((.good, "\(name): its clock is that of the coordinator", nil))
        }
        if inDetail { found += details() }
        return found + (host.notices ?? []).map { (.warning, "\(name): \($0)", nil) }
    }

    private var name: String { "Host \(host.name)" }

    private var state: Finding {
        switch host.shownState {
        case "ready" where host.slots == 0:
            (.bad, "\(name) takes no builds", host.notices?.first)
        case "ready":
            (
                .good,
                "\(name) is ready, \(host.running ?? 0) of \(host.slots ?? 0) slots in use", nil
            )
        case "drained":
            (.warning, "\(name) is drained", "Resume it: aibuild host resume \(host.name)")
        case _ where host.drained == true:
            (.bad, "\(name) is \(host.state), and drained", host.detail)
        case let state: (.bad, "\(name) is \(state)", host.detail)
        }
    }

    private func disk(inDetail: Bool) -> [Finding] {
        guard let free = host.diskFreeBytes, let total = host.diskTotalBytes, total > 0 else {
            return []
        }
        let room = "\(Format.bytes(free)) free"
        if Double(free) / Double(total) < Self.fullDisk
            || inDetail && free < Requirements().diskBytes
        {
            return [(.warning, "\(name) is low on disk space: \(room)", nil)]
        }
        return inDetail ? [(.good, "\(name): its disk has \(room)", nil)] : []
    }

    private func details() -> [Finding] {
        var found: [Finding] = []
        if let agent = host.agentVersion, let coordinatorVersion {
            if agent == coordinatorVersion {
                found.append((.good, "\(name): its agent is \(agent), as the coordinator", nil))
            } else {
                found.append(
                    (
                        .warning,
                        "\(name): its agent is \(agent), the coordinator \(coordinatorVersion)",
                        "Upgrade it: aibuild host upgrade \(host.name) --as USER"
                    ))
            }
        }
        if host.state == "ready" {
            let packer = host.packerVersion
            found.append(
                packer.map { (.good, "\(name): Packer \($0)", nil) }
                    ?? (
                        .warning, "\(name) has no Packer: it builds only builder: command",
                        "Install packer there"
                    ))
            if host.qemuVersion == nil {
                found.append(
                    (.warning, "\(name) has no QEMU: it tests no images", "Install QEMU there"))
            }
        }
        return found
    }
}
