import BuildProtocol
import FoundationEssentials
import Testing

@Suite struct ImageFormatTests {
    private func decode(_ json: String) throws -> ImageFormat {
        let artifact = try JSONDecoder().decode(
            Artifact.self,
            from: Data(
                #"{"name":"a","sizeBytes":1,"sha256":"s","format":\#(json),"chunkSHA256":[]}"#.utf8)
        )
        return artifact.format
    }

    @Test("Every format is itself on the wire", arguments: ImageFormat.allCases)
    func roundTrip(format: ImageFormat) throws {
        let json = String(decoding: try JSONEncoder().encode(format), as: UTF8.self)
        #expect(json == "\"\(format.rawValue)\"")
        #expect(try decode(json) == format)
        #expect(format.isDiskImage == (format != .file))
    }

    @Test("A VHD by QEMU's name is a VHD")
    func vpc() throws { #expect(try decode("\"vpc\"") == .vhd) }

    @Test(
        "An unknown format is not a disk image",
        arguments: ["", "QCOW2", "raw,x", "../../etc", "qcow3", "a\\u0000", "vpc "])
    func unknown(word: String) throws {
        let format = try decode("\"\(word)\"")
        #expect(format == .file && !format.isDiskImage)
    }

    @Test("A format that is not a word is refused", arguments: ["null", "1", "[]", "{}"])
    func noWord(json: String) { #expect(throws: DecodingError.self) { try decode(json) } }
}
