/// Guests of 512 bytes that real QEMU boots in tests that inspect its state.
public enum BootSectors {
    /// Prints a text on the screen and the first serial port, then halts forever.
    public static func hanging(saying text: String) -> [UInt8] {
        let start: [UInt8] = [
            0x31, 0xC0,  // xor ax, ax
            0x8E, 0xD8,  // mov ds, ax
            0xBE, 0x1E, 0x7C,  // mov si, text
            // next:
            0xAC,  // lodsb
            0x84, 0xC0,  // test al, al
            0x74, 0x0D,  // jz hang
            0xB4, 0x0E,  // mov ah, 0x0e
            0xBB, 0x07, 0x00,  // mov bx, 7
            0xCD, 0x10,  // int 0x10: to the screen
            0xBA, 0xF8, 0x03,  // mov dx, 0x3f8
            0xEE,  // out dx, al
            0xEB, 0xEE,  // jmp next
            // hang:
            0xFA,  // cli
            0xF4,  // hlt
            0xEB, 0xFC,  // jmp hang
            0x90,
        ]
        return sector(start + Array(text.utf8) + [0])
    }

    /// Writes to its own disk behind the boot sector in a loop, and prints nothing.
    public static let writing = sector([
        0x31, 0xC0,  // xor ax, ax
        0x8E, 0xC0,  // mov es, ax
        0xBB, 0x00, 0x80,  // mov bx, 0x8000
        // again:
        0xB8, 0x20, 0x03,  // mov ax, 0x0320: write 32 sectors
        0xB9, 0x02, 0x00,  // mov cx, 2: from the second one on
        0xBA, 0x80, 0x00,  // mov dx, 0x80: of the first disk
        0xCD, 0x13,  // int 0x13
        0xEB, 0xF3,  // jmp again
    ])

    /// A shell command that writes a disk of 1 MiB with this boot sector.
    public static func disk(_ sector: [UInt8], at path: String) -> String {
        let digits = sector.map { byte in
            "\\" + String(byte >> 6, radix: 8) + String(byte >> 3 & 7, radix: 8)
                + String(byte & 7, radix: 8)
        }
        return "printf '\(digits.joined())' > \(path); truncate -s 1M \(path)"
    }

    private static func sector(_ code: [UInt8]) -> [UInt8] {
        code + [UInt8](repeating: 0, count: 510 - code.count) + [0x55, 0xAA]
    }
}
