import Testing

@testable import SSHKit

/// Parsing of untrusted bytes.
@Suite struct WireTests {
    private func list(_ names: String) -> [UInt8] { Wire.string(Array(names.utf8)) }

    private func kexInit(_ lists: [String]) -> [UInt8] {
        [20] + [UInt8](repeating: 7, count: 16) + lists.flatMap(list) + [0, 0, 0, 0, 0]
    }

    private let lists = ["k1,k2", "h1", "c1", "c2", "m1", "m2,m3", "none", "none", "", ""]

    @Test("The offers of a host are read for each direction") func offersOfAHost() throws {
        let message = try KexInit(payload: kexInit(lists))
        #expect(message.offers(.keyExchange) == [["k1", "k2"]])
        #expect(message.offers(.hostKey) == [["h1"]])
        #expect(message.offers(.cipher) == [["c1"], ["c2"]])
        #expect(message.offers(.mac) == [["m1"], ["m2", "m3"]])
    }

    @Test("Offers that are cut or not printable are refused") func cutOrStrangeOffersAreRefused() {
        let whole = kexInit(lists)
        let needed = 17 + lists.prefix(8).flatMap(list).count
        for length in 0..<needed {
            #expect(throws: WireReader.Malformed.self) {
                try KexInit(payload: whole.prefix(length))
            }
        }
        var huge = whole
        huge.replaceSubrange(17..<21, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: WireReader.Malformed.self) { try KexInit(payload: huge) }
        let escape = kexInit(["\u{1b}[2J"] + lists.dropFirst())
        #expect(throws: WireReader.Malformed.self) { try KexInit(payload: escape) }
        #expect(throws: WireReader.Malformed.self) {
            try KexInit(payload: [21] + whole.dropFirst())
        }
    }

    /// Seeded, so that a failure can be repeated.
    @Test("Random bytes crash no parser", arguments: 0..<20) func randomBytesCrashNothing(
        seed: UInt64
    ) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func random() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        for _ in 0..<200 {
            var bytes = kexInit(lists)
            for _ in 0..<3 {
                bytes[Int(random() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random())
            }
            _ = try? KexInit(payload: bytes)
            _ = try? SSHHostKey(blob: bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            _ = try? KeyFile(
                path: "x", bytes: Array(("-----BEGIN OPENSSH PRIVATE KEY-----\n" + text).utf8))
            _ = try? SSHEndpoint(text)
            _ = try? SSHHostKey(text)
        }
    }

    @Test("A tail keeps the last bytes") func tailKeepsTheEnd() {
        var tail = ByteTail(limitBytes: 5)
        for piece in ["ab", "cd", "efghijklmn", "o"] { tail.append(Array(piece.utf8)) }
        #expect(tail.bytes == Array("klmno".utf8))
    }

    @Test("Untrusted text is made printable and short") func textOfOthersIsMadeHarmless() {
        #expect(printable("a\u{1b}[31m\n\u{e9}") == "a?[31m??")
        #expect(printable(String(repeating: "x", count: 1000)).count == 301)
    }
}
