import AgentCore
import BuildProtocol
import ProcessKit
import Support

/// Notices when the QEMU of a running Packer exits, since Packer itself does not.
final class QEMUWatch {
    private let context: AttemptContext
    private let guests: GuestFolder
    private var handle: Descriptor?
    private var isOpened = false
    private var goneSince: Int64?
    private var firstErrorAt: Int64?
    /// How it exited; if by itself or unknown, how another QEMU was killed.
    private(set) var exit: QEMUExit?

    init(_ context: AttemptContext) {
        self.context = context
        guests = GuestFolder(path: context.folder.guests)
    }

    /// Called about once a second, and after output.
    ///
    /// - Returns: a fault if it was killed. Packer would go on waiting for the guest or, during its
    ///   shutdown, take what is left of its disk for the image.
    func check(_ packer: PackerOutput, hasEnded: Bool) -> Fault? {
        if hasEnded { guests.waitForExitRecords() }
        let now = Clocks.monotonicMilliseconds()
        if firstErrorAt == nil, packer.mayHaveKilled { firstErrorAt = now }
        if goneSince == nil, isGone(packer.qemuPIDs.last) { goneSince = now }
        let exits = packer.qemuPIDs.compactMap { guests.exit($0) }
        if hasEnded { exit = guests.unwantedExit() ?? exits.last }
        return exits.lazy.compactMap(\.fault).first
    }

    /// How long before Packer's first error it had exited.
    var goneMilliseconds: Int64? {
        guard let goneSince, let firstErrorAt, firstErrorAt > goneSince else { return nil }
        return firstErrorAt - goneSince
    }

    /// The process as the host knows it. Packer prints the id in its sandbox.
    private func outer(_ pid: Int32) -> Int32? {
        guard let member = context.namespaceMember else { return pid }
        return Namespaces.outerPID(of: pid, inNamespaceOf: member)
    }

    private func isGone(_ pid: Int32?) -> Bool {
        guard let pid else { return false }
        if !isOpened {
            isOpened = true
            handle = outer(pid).flatMap { ProcessTable.open($0) }
        }
        guard let raw = handle?.raw else { return true }
        return (try? Wait.readable([raw], timeoutMilliseconds: 0)) == [true]
    }
}
