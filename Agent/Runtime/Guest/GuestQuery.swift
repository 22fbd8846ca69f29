import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Queries the QEMUs of an attempt, and the kernel about them. Blocks for at most
/// `AgentLimits.guestQueryMilliseconds`: run it on a thread of its own.
struct GuestQuery: Sendable {
    let folder: GuestFolder
    let token: AttemptToken
    let deadlineMilliseconds =
        Clocks.monotonicMilliseconds() + AgentLimits.guestQueryMilliseconds

    // MARK: Counters

    func snapshot() -> GuestSnapshot {
        var snapshot = GuestSnapshot(atMilliseconds: Clocks.monotonicMilliseconds())
        var known: Set<Int32> = []
        for (name, sample) in clients() {
            known.insert(name)
            guard let sample else {
                snapshot.unresponsive.append(name)
                continue
            }
            known.insert(sample.pid)
            snapshot.samples.append(sample)
        }
        snapshot.uncontrolled = qemuPIDs().filter { pid in
            // A socket is named after the process as its sandbox knows it.
            !known.contains(pid) && !known.contains(Namespaces.innerPID(of: pid) ?? pid)
        }
        return snapshot
    }

    /// A sample of each running QEMU that has a socket; `nil` if it does not answer.
    private func clients() -> [(name: Int32, sample: GuestSample?)] {
        guard let descriptor = open() else { return [] }
        return folder.pids(QEMUShim.socketSuffix).compactMap { name in
            let path = GuestFolder.socketPath(descriptor, name)
            do {
                let client = try QMPClient(path, deadlineMilliseconds: deadlineMilliseconds)
                return (name, try sample(client, client.peer ?? name))
            } catch let error as SystemError where error.isNotListening {
                // That QEMU has exited.
                return nil
            } catch {
                return (name, nil)
            }
        }
    }

    private func open() -> Descriptor? { try? Descriptor(folder.path, O_RDONLY | O_DIRECTORY) }

    private struct Status: Decodable { var status: String }

    private struct BlockDevice: Decodable {
        struct Counters: Decodable { var rd_bytes, wr_bytes: Int64 }
        var stats: Counters
    }

    private struct VNCServer: Decodable {
        struct Place: Decodable { var service: String }
        var server: [Place]
    }

    private func sample(_ client: QMPClient, _ pid: Int32) throws -> GuestSample {
        let status = try client.execute("query-status", returning: Status.self).status
        let disks = try client.execute("query-blockstats", returning: [BlockDevice].self)
        // Traffic of a VNC viewer does not count: a blinking cursor is no activity. A QEMU without
        // VNC answers with an error.
        let servers = (try? client.execute("query-vnc-servers", returning: [VNCServer].self)) ?? []
        let screens = Set(servers.flatMap(\.server).compactMap { Int($0.service) })
        let channels = ProcessCounters.network(pid)?.filter { channel in
            channel.localPort.map { !screens.contains($0) } ?? true
        }
        return GuestSample(
            pid: pid, status: status,
            diskBytes: disks.reduce(0) { sum, disk in
                sum &+ disk.stats.rd_bytes &+ disk.stats.wr_bytes
            },
            network: channels.map { channels in
                Dictionary(channels.map { ($0.id, $0.bytes) }) { first, _ in first }
            },
            cpuMilliseconds: ProcessCounters.cpuMilliseconds(pid))
    }

    /// All QEMUs of the attempt, however they were started.
    private func qemuPIDs() -> [Int32] {
        ProcessTable.withVariable(ProcessMark.attempt) { $0 == token.text }.map(\.pid).filter {
            QEMUShim.isQEMU(Files.name(of: Links.target("/proc/\($0)/exe")))
        }
    }

    // MARK: Evidence

    /// Evidence of the guest that was started last, if there is any.
    func evidence() -> GuestEvidence? {
        var evidence = GuestEvidence(serialTail: folder.serialTail())
        let found = captureScreen(&evidence)
        return found || evidence.serialTail != nil ? evidence : nil
    }

    /// - Returns: whether there was a QEMU to query.
    private func captureScreen(_ evidence: inout GuestEvidence) -> Bool {
        guard let descriptor = open() else { return false }
        for name in folder.pids(QEMUShim.socketSuffix).reversed() {
            do {
                let client = try QMPClient(
                    GuestFolder.socketPath(descriptor, name),
                    deadlineMilliseconds: deadlineMilliseconds)
                evidence.status = try client.execute("query-status", returning: Status.self).status
                evidence.screenshot = try screen(client, name, &evidence)
            } catch let error as SystemError where error.isNotListening {
                continue
            } catch {
                evidence.notes.append("no screen: \(error)".prefixOfUTF8(500))
            }
            return true
        }
        return false
    }

    /// - Returns: the screen as base64, or `nil` with a note.
    private func screen(
        _ client: QMPClient, _ name: Int32, _ evidence: inout GuestEvidence
    ) throws -> String? {
        let path = folder.file(name, ".png")
        // QEMU before 7.1 does not support PNG and reports that.
        _ = try client.execute(
            "screendump", ["filename": path, "format": "png"], returning: QMPClient.Ignored.self)
        // One byte more, to notice a larger file.
        guard let png = folder.end(of: path, bytes: ProtocolLimits.screenshotBytes + 1) else {
            evidence.notes.append("no screen: QEMU wrote no file")
            return nil
        }
        if let problem = PNG.problem(png) {
            evidence.notes.append("no screen: the picture \(problem)")
            return nil
        }
        return GuestEvidence(screenshotPNG: png).screenshot
    }
}
