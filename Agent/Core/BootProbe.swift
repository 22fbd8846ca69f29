/// Tests whether an accelerator really runs guests. That `/dev/kvm` opens proves nothing: on some
/// machines a boot sector runs under KVM, slowly, while any Linux kernel hangs at 100 % system
/// time.
public enum BootProbe {
    /// A boot sector that stops QEMU by its `isa-debug-exit` device.
    public static var bootSector: [UInt8] {
        var sector: [UInt8] = [
            0xBA, 0xF4, 0x00,  // mov dx, 0xf4
            0xB0, 0x10,  // mov al, 0x10
            0xEE,  // out dx, al
            0xF4,  // hlt
            0xEB, 0xFD,  // jmp to the hlt
        ]
        sector += [UInt8](repeating: 0, count: 510 - sector.count)
        return sector + [0x55, 0xAA]
    }

    /// QEMU's exit status when the boot sector ran: the value written, doubled, plus one.
    public static let bootedStatus: Int32 = 0x21

    /// Longest time a boot sector may take under any accelerator.
    public static let sectorSeconds = 15
    /// Longest time a Linux kernel without a root file system may take to give up, under kvm.
    public static let kernelSeconds = 20

    private static let machine = [
        "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-serial", "none",
        "-net", "none", "-no-reboot",
    ]

    public static func sectorArguments(
        qemu: String, accelerator: String, image: String
    ) -> [String] {
        [qemu, "-accel", accelerator, "-m", "16"] + machine + [
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
            "-drive", "file=\(image),format=raw,if=ide,read-only=off,snapshot=on", "-boot", "c",
        ]
    }

    /// A kernel without a root file system panics and, with these arguments, reboots at once; QEMU
    /// then exits.
    public static func kernelArguments(qemu: String, kernel: String) -> [String] {
        [qemu, "-accel", "kvm", "-m", "256"] + machine + [
            "-kernel", kernel, "-append", "panic=-1 quiet",
        ]
    }

    /// Why KVM is not used although a boot sector ran under it: hardware cannot be slower than its
    /// emulation. `nil` if the times are plausible, with some slack for a loaded machine.
    public static func slowness(kvmMilliseconds: Int64, tcgMilliseconds: Int64) -> String? {
        guard kvmMilliseconds > 4 * tcgMilliseconds + 1_000 else { return nil }
        return "/dev/kvm opens, but a boot sector took \(kvmMilliseconds) ms under it against "
            + "\(tcgMilliseconds) ms without: it is not used"
    }

    /// `QEMU emulator version 7.2.22 (Debian …)` → `7.2.22`; `Packer v1.6.6` → `1.6.6`.
    public static func version(in output: String) -> String? {
        for word in output.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let digits = word.hasPrefix("v") ? word.dropFirst() : word
            let numbers = digits.split(separator: ".", omittingEmptySubsequences: false)
            let isVersion =
                numbers.count >= 2
                && numbers.allSatisfy { part in
                    !part.isEmpty && part.first.map { "0"..."9" ~= $0 } == true
                }
            if isVersion { return String(digits) }
        }
        return nil
    }
}
