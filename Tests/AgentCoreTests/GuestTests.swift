@testable import AgentCore
import BuildProtocol
import Testing

/// The decision whether the guest of a silent build is hung or slow.
@Suite struct GuestTests {
    private func sample(
        _ pid: Int32 = 7, _ status: String = "running", disk: Int64 = 0,
        network: [String: Int64]? = [:], cpu: Int64? = 0
    ) -> GuestSample {
        GuestSample(
            pid: pid, status: status, diskBytes: disk, network: network, cpuMilliseconds: cpu)
    }

    private func look(_ at: Int64, _ samples: GuestSample...) -> GuestSnapshot {
        GuestSnapshot(atMilliseconds: at, samples: samples)
    }

    private func judge(_ first: GuestSample, _ second: GuestSample) -> GuestVerdict {
        GuestVerdict.judge(from: look(0, first), to: look(60_000, second))
    }

    private func isWorking(_ verdict: GuestVerdict) -> Bool {
        if case .working = verdict { true } else { false }
    }

    private func isHung(_ verdict: GuestVerdict) -> Bool {
        if case .hung = verdict { true } else { false }
    }

    // MARK: The verdict

    @Test("Disk or network traffic tells a slow guest from a hung one; CPU time does not")
    func ioActivityTellsSlowFromHung() {
        #expect(isHung(judge(sample(), sample(cpu: 60_000))), "a circle is no work")
        #expect(isHung(judge(sample(disk: 5), sample(disk: 5 + 60 * 1024))), "a journal's commit")
        #expect(isWorking(judge(sample(disk: 5), sample(disk: 6 + 60 * 1024))))
        #expect(isHung(judge(sample(network: ["a": 9]), sample(network: ["a": 1_000]))))
        #expect(isWorking(judge(sample(network: ["a": 9]), sample(network: ["a": 100_000]))))
        #expect(isHung(judge(sample(network: nil), sample(network: nil))))
    }

    /// Connections open and close; the counters of a closed one must not offset those of another.
    @Test("A closed connection does not hide the traffic of another")
    func closedConnectionsDoNotHideTraffic() {
        let before = sample(network: ["old": 1_000_000, "kept": 10])
        #expect(isWorking(judge(before, sample(network: ["kept": 10, "new": 100_000]))))
        #expect(isHung(judge(before, sample(network: ["kept": 10]))))
    }

    @Test(
        "A guest that QEMU has stopped is reported as stopped",
        arguments: ["paused", "io-error", "internal-error", "guest-panicked"])
    func stoppedGuestIsReported(status: String) {
        let verdict = judge(sample(), sample(7, status, disk: 1 << 30))
        #expect(verdict == .stopped(status: status))
    }

    @Test("One active guest of several is enough")
    func oneActiveGuestSuffices() {
        let first = look(0, sample(1), sample(2))
        let second = look(1_000, sample(1), sample(2, disk: 1 << 20))
        #expect(isWorking(.judge(from: first, to: second)))
        let stopped = look(1_000, sample(1, "paused"), sample(2, disk: 1 << 20))
        #expect(isWorking(.judge(from: first, to: stopped)))
        #expect(isWorking(.judge(from: look(0), to: look(1_000, sample(3)))), "one that began")
    }

    @Test("A QEMU that cannot be queried is not called hung")
    func unreachableQEMUIsUnknown() {
        let nobody = look(0)
        #expect(GuestVerdict.judge(from: nobody, to: look(1)) == .noGuest)
        let mute = GuestSnapshot(atMilliseconds: 1, unresponsive: [7])
        guard case .unknown(let why) = GuestVerdict.judge(from: nobody, to: mute) else {
            Issue.record("judged")
            return
        }
        #expect(why.contains("does not answer"))
        let stranger = GuestSnapshot(atMilliseconds: 1, uncontrolled: [7])
        guard case .unknown(let other) = GuestVerdict.judge(from: nobody, to: stranger) else {
            Issue.record("judged")
            return
        }
        #expect(other.contains("not started by its plain name"))
        guard case .unknown = GuestVerdict.judge(from: mute, to: look(9, sample())) else {
            Issue.record("a guest that was mute is no new one")
            return
        }
    }

    // MARK: The timing

    private let limits = AttemptLimits(totalSeconds: 100_000, silenceSeconds: 600)

    @Test("Snapshots are taken one window before the silence limit and at the limit")
    func snapshotsSpanLastWindow() {
        let timers = AttemptTimers(limits: limits, nowMilliseconds: 0)
        var watch = GuestWatch()
        #expect(watch.dueMilliseconds(timers) == 540_000)
        #expect(watch.needsSnapshot(timers, nowMilliseconds: 539_999) == false)
        #expect(watch.needsSnapshot(timers, nowMilliseconds: 540_000) == true)
        #expect(
            watch.needsSnapshot(timers, nowMilliseconds: 540_001) == false, "one question at a time"
        )
        #expect(watch.saw(look(540_000, sample())) == nil)
        #expect(watch.dueMilliseconds(timers) == 600_000)
        #expect(watch.needsSnapshot(timers, nowMilliseconds: 600_000) == true)
        let verdict = watch.saw(look(600_000, sample()))
        #expect(verdict.map(isHung) == true)
    }

    /// A late first answer delays the window instead of shortening it.
    @Test("A late first snapshot delays the second by a whole window")
    func lateSnapshotDelaysSecond() {
        let timers = AttemptTimers(limits: limits, nowMilliseconds: 0)
        var watch = GuestWatch()
        _ = watch.needsSnapshot(timers, nowMilliseconds: 540_000)
        _ = watch.saw(look(543_000, sample()))
        #expect(watch.dueMilliseconds(timers) == 603_000)
    }

    @Test("Output during a snapshot resets the watch")
    func outputResetsWatch() {
        var timers = AttemptTimers(limits: limits, nowMilliseconds: 0)
        var watch = GuestWatch()
        _ = watch.needsSnapshot(timers, nowMilliseconds: 540_000)
        timers.sawOutput(nowMilliseconds: 541_000)
        watch.sawOutput()
        #expect(watch.saw(look(542_000, sample())) == nil)
        #expect(watch.dueMilliseconds(timers) == 1_081_000)
    }

    @Test("The silence limit is extended twice at most")
    func silenceIsExtendedTwice() {
        var timers = AttemptTimers(limits: limits, nowMilliseconds: 0)
        #expect(timers.allowMoreSilence() == true)
        #expect(timers.silenceDeadlineMilliseconds == 1_200_000)
        #expect(timers.allowMoreSilence() == true)
        #expect(timers.silenceDeadlineMilliseconds == 1_800_000)
        #expect(timers.allowMoreSilence() == false)
        #expect(timers.silence(.noGuest) == .silence(seconds: 1_800, .noGuest))
        timers.sawOutput(nowMilliseconds: 1_700_000)
        #expect(timers.silenceDeadlineMilliseconds == 2_300_000)
    }

    @Test("The window is half of a short silence limit")
    func windowIsHalfOfShortLimit() {
        let short = AttemptLimits(totalSeconds: 10, silenceSeconds: 3)
        #expect(AttemptTimers(limits: short, nowMilliseconds: 0).windowMilliseconds == 1_500)
    }

    // MARK: The console

    @Test("The console tail is bounded text with invalid bytes escaped")
    func consoleTailIsText() {
        let raw: [UInt8] = [0x1B] + Array("[2Jcaf\u{E9}".utf8) + [0xFF, 0x41, 0xE2, 0x82]
        #expect(ConsoleText.tail(raw) == "\u{1B}[2Jcaf\u{E9}\\xffA\\xe2\\x82")
        let long = [UInt8](repeating: 0x61, count: 100_000) + [0x62]
        let tail = ConsoleText.tail(long)
        #expect(tail.utf8.count == ProtocolLimits.serialTailBytes)
        #expect(tail.hasSuffix("ab"))
    }
}

/// The arguments that the shim adds to QEMU's.
@Suite struct QEMUShimTests {
    private func added(_ arguments: String) -> String {
        QEMUShim.additions(
            arguments.split(separator: " ").map(String.init), folder: "/f", pid: 7
        ).joined(separator: " ")
    }

    private let socket = "-qmp unix:/f/7.qmp,server=on,wait=off"

    @Test(
        "A guest gets a control socket and a serial console",
        arguments: [
            "", "-m 512 -drive file=a,format=raw", "-device virtio-serial -accel tcg",
            "-monitor none -machine type=pc,accel=tcg", "-name guest -vnc 127.0.0.1:44",
        ])
    func guestGetsSocketAndConsole(arguments: String) {
        #expect(added(arguments) == socket + " -serial file:/f/7.serial")
    }

    @Test(
        "Arguments that configure the serial port keep it",
        arguments: [
            "-serial stdio", "--serial stdio", "-nographic", "-nodefaults -device x",
            "-chardev file,id=c,path=p -device isa-serial,chardev=c", "-device pci-serial",
            "-readconfig f",
        ])
    func ownSerialIsKept(arguments: String) {
        #expect(added(arguments) == socket)
    }

    @Test(
        "Informational calls of QEMU are passed on unchanged",
        arguments: [
            "-version", "--version", "-h", "-help", "--help", "-machine help", "-accel help",
            "-cpu ?", "-device virtio-net,help", "-M none -qmp stdio", "-machine none,accel=kvm",
        ])
    func informationalCallsAreUnchanged(arguments: String) {
        #expect(added(arguments) == "")
    }

    @Test("QEMU programs and their files are recognized by name")
    func qemuNamesAndFiles() {
        #expect(QEMUShim.isQEMU("qemu-system-x86_64"))
        #expect(QEMUShim.isQEMU("qemu-kvm"))
        #expect(!QEMUShim.isQEMU("qemu-img"))
        #expect(!QEMUShim.isQEMU("aibuild-agent"))
        #expect(QEMUShim.pid(ofFile: "12.qmp", suffix: ".qmp") == 12)
        #expect(QEMUShim.pid(ofFile: "x.qmp", suffix: ".qmp") == nil)
        #expect(QEMUShim.pid(ofFile: "12.png", suffix: ".qmp") == nil)
    }

    @Test("A console is shown without the logins of tests, and whole if it has nothing else")
    func consoleWithoutLogins() {
        let logins = [
            "[131] Nov 29 20:38:25 Child connection from 10.0.2.2:44678",
            "[131] Nov 29 20:38:25 Exit before auth from <10.0.2.2:44678>: Exited normally",
            "[132] Nov 29 20:38:25 Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:x",
            "[132] Nov 29 20:38:25 Exit (root) from <10.0.2.2:44690>: Disconnect received\r",
            "Nov 29 20:38:25 g sshd[41]: Accepted publickey for root from 10.0.2.2 port 4 ssh2",
            "Nov 29 20:38:25 g sshd[41]: pam_unix(sshd:session): session opened for user root",
        ]
        let said = [
            "[    2.500000] EXT4-fs error: Connection from nowhere\r",
            "[133] Nov 29 20:38:25 Bad password attempt for 'root' from 10.0.2.2:1",
            "app: Connection from 10.0.0.1 refused", "",
        ]
        let mixed = zip(said, logins).flatMap { [$1, $0] } + logins.dropFirst(said.count)
        #expect(
            ConsoleLogins.removed(from: mixed.joined(separator: "\n"))
                == said.joined(separator: "\n"))
        for text in [logins.joined(separator: "\n"), said.joined(separator: "\n"), "", "x"] {
            #expect(ConsoleLogins.removed(from: text) == text)
        }
    }
}
