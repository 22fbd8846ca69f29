import BuildProtocol
import FoundationEssentials
import Testing

/// What a build may say it has made elsewhere.
@Suite struct RemoteImageListTests {
    private func problem(_ images: String) throws -> String? {
        try JSONDecoder().decode(
            RemoteImageList.self, from: Data(#"{"images":[\#(images)]}"#.utf8)
        ).problem
    }

    private func image(_ id: String) -> String { #"{"builder":"b","type":"t","id":"\#(id)"}"# }

    @Test("A list of images with ids is sound")
    func sound() throws {
        #expect(try problem(image("eu:ami-1") + "," + image("registry/x@sha256:0")) == nil)
    }

    @Test("One that would name something else, or nothing, is refused")
    func refused() throws {
        #expect(try problem("") == "lists no image")
        #expect(try problem(#"{"builder":"b","type":"t"}"#)?.contains("without") == true)
        #expect(try problem(#"{"builder":"","type":"t","id":"x"}"#)?.contains("without") == true)
        #expect(try problem(image(""))?.contains("without") == true)
        #expect(try problem(image(#"a\nb"#))?.contains("control character") == true)
        let long = String(repeating: "x", count: ProtocolLimits.remoteIDBytes)
        #expect(try problem(image(long))?.contains("bytes or more") == true)
        #expect(try problem(image(long + long))?.contains("bytes or more") == true)
        #expect(try problem(image(String(long.dropLast()))) == nil)
        let many = Array(repeating: image("a"), count: ProtocolLimits.remoteImages + 1)
        #expect(try problem(many.joined(separator: ","))?.contains("at most 64") == true)
    }
}
