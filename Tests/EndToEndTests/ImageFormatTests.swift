import FoundationEssentials
import Support
import TestSupport
import Testing

/// Images of every format, made with the usual programs.
@Suite struct ImageFormatTests {
    /// The commands that create `$image`, by format. Only a raw image needs an extension: an empty
    /// disk cannot be recognized by its bytes.
    private static let makers = [
        "qcow2": "qemu-img create -q -f qcow2 $image.bin 8M",
        "raw": "qemu-img create -q -f raw $image.img 8M",
        "iso": "xorriso -as mkisofs -quiet -o $image.bin build.sh",
        "vmdk": "qemu-img create -q -f vmdk $image.bin 8M",
        "vdi": "qemu-img create -q -f vdi $image.bin 8M",
        "vhd": "qemu-img create -q -f vpc $image.bin 8M",
        "vhd-fixed": "qemu-img create -q -f vpc -o subformat=fixed,force_size $image.bin 8M",
        "vhdx": "qemu-img create -q -f vhdx $image.bin 8M",
    ]

    @Test("An image of every format is built, published by its extension, and released as it is")
    func everyFormat() async throws {
        let stack = try await OpenStack.shared()
        try await withFarm { farm in
            try await farm.addCloud("lab", stack, project: "release")
            var builds: [(guestOS: String, build: FarmBuild)] = []
            for (name, maker) in Self.makers.sorted(by: { $0.key < $1.key }) {
                // A companion file that is larger than the image, and not an image.
                try await farm.script(
                    name,
                    """
                    image=$AIBUILD_OUTPUT/disk
                    \(maker)
                    truncate -s 20M $AIBUILD_OUTPUT/notes
                    """, yaml: "requirements: {memory: 64MiB, disk: 64MiB}\n")
                builds.append((name, try await farm.api.submit(name)))
            }
            for (name, build) in builds {
                let format = String(name.prefix { $0 != "-" })
                let passed = try await farm.api.end(of: build)
                let image = try #require(passed.image, "\(name): \(passed)")
                #expect(image.format == format, "\(name)")
                #expect(image.name == "\(passed.imageName).\(format)", "\(name)")
                let names = try Files.list("\(farm.webRoot)/images/build/\(name)")
                #expect(names.contains(image.name), "\(name): \(names)")
                #expect(names.contains("\(passed.imageName)-notes"), "\(name): \(names)")

                let release = try await farm.release(passed, to: ["lab"])[0]
                let released = try await farm.end(release)
                #expect(released.state == "released", "\(name): \(released)")
                let formats = try await stack.images(of: passed.id).map(\.disk_format)
                #expect(formats == [format], "\(name)")
            }
        }
    }
}
