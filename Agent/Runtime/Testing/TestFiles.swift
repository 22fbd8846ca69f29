import AgentCore
import Support
import TextKit

/// Files shared by a test attempt and the processes of its cases.
struct TestFiles {
    let folder: AttemptFolder

    /// The private key, with the public one next to it.
    var key: String { folder.tests + "/key" }
    var password: String { folder.tests + "/password" }
    var askpass: String { folder.tests + "/askpass" }
    var seed: String { folder.tests + "/seed.iso" }
    var overlay: String { folder.tests + "/overlay.qcow2" }
    var firmwareVariables: String { folder.tests + "/uefi-variables" }
    /// What QEMU printed, and what SSH printed at the last login attempt.
    var qemuLog: String { folder.tests + "/qemu.log" }
    var sshLog: String { folder.tests + "/knock.log" }
    /// A registered script or program.
    var script: String { folder.tests + "/script" }

    func verdict(_ index: Int) -> String { "\(folder.tests)/\(index).json" }

    /// The last bytes of one of the logs above.
    func tail(of path: String) -> String {
        let bytes = GuestFolder(path: folder.tests).end(
            of: path, bytes: AgentLimits.testOutputBytes)
        let text = String(decoding: bytes ?? [], as: UTF8.self)
        return text.lines.joined(separator: "\n")
    }
}
