import BuildProtocol
import Support
import TestSupport
import Testing

/// The limits of attempts, on a kernel whose control groups are of version 2 only, as Debian's are;
/// the machines that run the tests may have others. The agent is started as systemd starts a unit:
/// as the first process of a group that is delegated to it.
@Suite(.timeLimit(.minutes(10))) struct AttemptLimitTests {
    @Test("A build that takes more memory than its limit fails alone, also after a restart")
    func limitsHold() async throws {
        var tar = TarFile()
        tar.add(
            "build",
            """
            #!/bin/sh
            echo begun
            until [ -e "/tmp/$AIBUILD_VAR_gate" ]; do sleep 0.2; done
            [ $AIBUILD_VAR_hogs = no ] ||
                dd if=/dev/zero of=/dev/null bs=1400M count=1 || exit
            echo kept >"$AIBUILD_OUTPUT/disk.raw"
            """, mode: 0o755)
        let guest = try await KernelGuest(
            programs: [TestAgent.program, "/bin/tar"], script: Self.script)
        try guest.add("template.tar", tar.archive)
        try guest.add(
            "agent.yml",
            Array(
                "state_folder: /state\nslots: 4\nqemu_system: none\nisolation: none\n".utf8))
        let names = ["frugal", "greedy", "later"]
        let starts = names.map { start($0, tar.archive) }
        func lines(_ messages: [CoordinatorMessage]) throws -> [UInt8] {
            try messages.flatMap { try Array(LineCodec.encode($0)) }
        }
        let hello = CoordinatorMessage.hello(CoordinatorHello(epoch: 1))
        func follow(_ index: Int) -> CoordinatorMessage {
            .follow(Follow(attempt: starts[index].attempt, cursor: 0))
        }
        try guest.add("first", try lines([hello] + starts.map { .start($0) } + [follow(1)]))
        try guest.add("second", try lines([hello, follow(0), follow(2)]))

        let console = try await guest.run(memoryMiB: 2048, seconds: 540)
        let limits = console.split(whereSeparator: \.isNewline).filter {
            $0.hasPrefix("limits ")
        }
        // Of three attempts, and of two after the restart: 4 MiB, and what QEMU needs besides.
        #expect(limits == .init(repeating: "limits 1346371584 8192 2", count: 5), "\(console)")
        #expect(console.contains("while builds run, no process can be started in the unit"))
        let note = "the kernel killed a process: the build may have 1284 MiB of memory"
        #expect(console.contains(note), "\(console)")
        func outcome(_ index: Int) throws -> Outcome? {
            for line in console.split(whereSeparator: \.isNewline) {
                guard line.hasPrefix("{"), line.contains(#""type":"finished""#),
                    case .finished(let finished) = try LineCodec.decode(
                        AgentMessage.self, from: Array(line.utf8)),
                    finished.attempt == starts[index].attempt
                else { continue }
                return finished.outcome
            }
            return nil
        }
        #expect(try outcome(0)?.passed == true, "\(console)")
        for index in [1, 2] {
            let fault = try #require(try outcome(index)?.fault, "\(console)")
            #expect(fault.class == .template && fault.code == .memoryExceeded)
            #expect(fault.reason.contains("The limit is 1284 MiB"), "\(fault.reason)")
        }
    }

    private func start(_ name: String, _ archive: [UInt8]) -> Start {
        Start(
            attempt: AttemptToken(
                high: .random(in: .min ... .max), low: .random(in: .min ... .max)),
            build: .init(id: name, guestOS: "g", number: 1, imageName: "gx86_64_20261121_1"),
            template: TemplateArchive(
                sha256: SHA256.hex(archive), sizeBytes: Int64(archive.count)),
            recipe: BuildRecipe(
                builder: .command(["./build"]),
                variables: ["gate": name, "hogs": name == "frugal" ? "no" : "yes"]),
            requirements: Requirements(vcpus: 2, memoryBytes: 4 << 20, diskBytes: 1 << 20),
            limits: AttemptLimits(totalSeconds: 900, silenceSeconds: 900))
    }

    private static let script = #"""
        #!/bin/sh
        export PATH=/bin
        mount -t proc none /proc
        mount -t sysfs none /sys
        mount -t devtmpfs none /dev
        mount -t cgroup2 none /sys/fs/cgroup
        unit=/sys/fs/cgroup/unit
        mkdir $unit
        echo "+memory +pids +cpu" >/sys/fs/cgroup/cgroup.subtree_control

        start() {
            sh -c "echo \$\$ >$unit/cgroup.procs || exit
                exec aibuild-agent daemon --config /agent.yml --own-group" &
            until [ -S /state/agent.sock ]; do sleep 0.5; done
        }
        gate() { SSH_ORIGINAL_COMMAND=$1 aibuild-agent gate --config /agent.yml; }
        session() { # MESSAGES OUTPUT
            mkfifo $2.in
            gate attach <$2.in >$2 &
            exec 3>$2.in
            cat $1 >&3
        }
        await() { # FILE TEXT TIMES
            until [ "$(grep -c "$2" $1)" -ge $3 ]; do sleep 0.5; done
        }
        limits() {
            for group in $unit/aibuild-*-*; do
                read weight <$group/cpu.weight
                echo limits $(cat $group/memory.max $group/pids.max) $weight
            done
        }

        start
        daemon=$!
        gate "receive $(sha256sum /template.tar | cut -d ' ' -f 1) $(stat -c %s /template.tar)" \
            </template.tar
        session /first /tmp/one
        until [ "$(grep -l begun /state/attempts/*/log.ndjson 2>/tmp/none | wc -l)" = 3 ]; do
            sleep 0.5
        done
        limits
        touch /tmp/greedy
        await /tmp/one '"type":"finished"' 1
        cat /tmp/one

        kill -9 $daemon
        rm /state/agent.sock
        sh -c "echo \$\$ >$unit/cgroup.procs" ||
            echo "while builds run, no process can be started in the unit"
        mkdir $unit/.control
        sh -c "echo \$\$ >$unit/.control/cgroup.procs; exec aibuild-agent release-group"
        start
        limits
        session /second /tmp/two
        touch /tmp/frugal /tmp/later
        await /tmp/two '"type":"finished"' 2
        cat /tmp/two
        poweroff -f
        """#
}
