public import BuildProtocol

/// The virtual machine that boots an image for a test case, as QEMU's command line.
public struct TestMachine: Sendable, Hashable {
    public var accelerator: Accelerator
    public var vcpus: Int
    public var memoryBytes: Int64
    public var disk: GuestDisk
    public var network: GuestNetwork
    /// A copy-on-write file on top of the image.
    public var overlay: String
    /// OVMF, with a copy of its variables for this boot; `nil` for QEMU's BIOS.
    public var firmware: UEFIFirmware?
    /// An ISO for cloud-init.
    public var seed: String?
    /// A port of this host's loopback interface, forwarded to a port of the guest.
    public var hostPort: Int
    public var guestPort: Int
    /// Whether the guest reaches anything but that connection.
    public var isOnline: Bool

    public init(
        accelerator: Accelerator, vcpus: Int, memoryBytes: Int64, disk: GuestDisk,
        network: GuestNetwork, overlay: String, firmware: UEFIFirmware? = nil, seed: String?,
        hostPort: Int, guestPort: Int, isOnline: Bool = false
    ) {
        self.accelerator = accelerator
        self.vcpus = vcpus
        self.memoryBytes = memoryBytes
        self.disk = disk
        self.network = network
        self.overlay = overlay
        self.firmware = firmware
        self.seed = seed
        self.hostPort = hostPort
        self.guestPort = guestPort
        self.isOnline = isOnline
    }

    /// QEMU's arguments. The shim adds control socket and serial console.
    public var arguments: [String] {
        // Current guests need more than QEMU's default CPU; five-level paging confuses some.
        let processor = accelerator == .kvm ? "host" : "max,la57=off"
        var arguments = [
            "-name", "aibuild-test", "-no-user-config",
            "-machine", "pc,accel=\(accelerator.rawValue)", "-cpu", processor,
            "-smp", String(max(1, vcpus)), "-m", String(max(16, memoryBytes >> 20)),
            "-display", "none", "-vga", "std", "-monitor", "none",
            // The overlay is worthless after a power failure.
            "-drive",
            "if=none,id=image,file=\(Self.escaped(overlay)),format=qcow2,cache=unsafe",
        ]
        if let firmware {
            arguments += [
                "-drive",
                "if=pflash,unit=0,format=raw,readonly=on,file=\(Self.escaped(firmware.code))",
                "-drive", "if=pflash,unit=1,format=raw,file=\(Self.escaped(firmware.variables))",
            ]
        }
        switch disk {
        case .virtio: arguments += ["-device", "virtio-blk-pci,drive=image,bootindex=1"]
        case .scsi:
            arguments += [
                "-device", "virtio-scsi-pci", "-device", "scsi-hd,drive=image,bootindex=1",
            ]
        case .ide: arguments += ["-device", "ide-hd,drive=image,bootindex=1"]
        }
        if let seed {
            arguments += [
                "-drive",
                "if=none,id=seed,file=\(Self.escaped(seed)),format=raw,readonly=on,media=cdrom",
                "-device", "ide-cd,drive=seed",
            ]
        }
        let card = network == .virtio ? "virtio-net-pci" : "e1000"
        arguments += [
            "-netdev",
            "user,id=net,hostfwd=tcp:127.0.0.1:\(hostPort)-:\(guestPort),"
                + "restrict=\(isOnline ? "off" : "on")",
            "-device", "\(card),netdev=net", "-device", "virtio-rng-pci",
        ]
        return arguments
    }

    /// The command that makes the overlay. QEMU opens the image behind it read-only.
    public static func overlayArguments(
        qemuImg: String, image: String, format: ImageFormat, overlay: String
    ) -> [String] {
        [
            qemuImg, "create", "-q", "-f", "qcow2", "-F", qemuName(format), "-b", image, overlay,
        ]
    }

    /// QEMU's name of a format. It is always given, because QEMU's own guess is up to the guest.
    private static func qemuName(_ format: ImageFormat) -> String {
        switch format {
        case .vhd: "vpc"
        case .iso, .file: "raw"
        case .qcow2, .raw, .vmdk, .vdi, .vhdx: format.rawValue
        }
    }

    /// In QEMU's options a comma is escaped by doubling it.
    private static func escaped(_ path: String) -> String {
        path.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
    }
}
