import AgentCore
import Testing
import YAMLKit

/// What the CD for cloud-init does to accounts, in a guest with an sshd that has no PAM.
@Suite(.timeLimit(.minutes(5))) struct LockedAccountTests {
    /// root as images leave it, and whether a key may log in then.
    private static let passwords: [(shadow: String, isLocked: Bool)] = [
        ("!", true), ("!!", true), ("!*", true), ("!$6$salt$digest", true), ("*", false),
        ("$6$salt$digest", false),
    ]

    private static let script = #"""
        #!/bin/sh
        export PATH=/bin
        mount -t proc none /proc
        mount -t devtmpfs none /dev
        mkdir -p /dev/pts /run/sshd
        ip link set lo up
        chmod 700 /root /root/.ssh
        ssh-keygen -q -t ed25519 -N '' -f /root/key
        ssh-keygen -q -t ed25519 -N '' -f /root/host
        cp /root/key.pub /root/.ssh/authorized_keys
        /bin/sshd -f /dev/null -h /root/host -o UsePAM=no -o StrictModes=no
        login() {
            ssh -n -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR \
                -o UserKnownHostsFile=/dev/null -i /root/key root@127.0.0.1 true && echo taken ||
                echo refused
        }
        while read -r shadow; do
            echo "root:$shadow:19000:0:99999:7:::" >/etc/shadow
            before=$(login)
            sh /boot
            echo "root:$shadow: $before, then $(login): $(head -n 1 /etc/shadow)"
        done </passwords
        poweroff -f
        """#

    @Test("A locked root can log in once cloud-init has read the CD, and no password is lost")
    func root() async throws {
        let files = CloudInitSeed.files(instance: "i", user: "root", publicKey: "ssh-ed25519 K")
        let mapping = try YAMLMapping(
            try YAMLDocument.parse(files[1].bytes, file: files[1].name), file: files[1].name)
        // cloud-init hands each text to a shell.
        let commands = try mapping.take("bootcmd", .list(of: .string))
        let guest = try await KernelGuest(
            programs: ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"],
            script: Self.script)
        try guest.add("boot", Array(commands.joined(separator: "\n").utf8))
        try guest.add("passwords", Array(Self.passwords.map { $0.shadow + "\n" }.joined().utf8))
        let accounts = ["root:x:0:0::/root:/bin/sh", "sshd:x:1:1::/run/sshd:/bin/false"]
        try guest.add("etc/passwd", Array((accounts.joined(separator: "\n") + "\n").utf8))
        try guest.add("etc/group", Array("root:x:0:\nsshd:x:1:\n".utf8))
        try guest.add("root/.ssh/none", [])
        let console = try await guest.run(memoryMiB: 512, seconds: 240)
        let lines = console.split(whereSeparator: \.isNewline).map(String.init)
        for (shadow, isLocked) in Self.passwords {
            let after = "root:\(isLocked ? "*" : shadow):19000:0:99999:7:::"
            let before = isLocked ? "refused" : "taken"
            #expect(
                lines.contains("root:\(shadow): \(before), then taken: \(after)"), "\(console)")
        }
    }
}
