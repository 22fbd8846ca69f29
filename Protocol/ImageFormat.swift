/// The format of an artifact, detected from its bytes. The raw value is used on the wire, in the
/// database, in the image's published name, and for OpenStack.
public enum ImageFormat: String, Sendable, Hashable, CaseIterable {
    case qcow2, raw, iso, vmdk, vdi, vhd, vhdx
    /// Not a disk image, or one of a format that is unknown to this side.
    case file

    /// An unknown value, from a newer agent or a hostile one, is not a disk image: it never becomes
    /// part of a name, a command line or a request.
    public init(word: String) {
        // QEMU's name for a VHD, which agents of version 0.1.0 send.
        self = word == "vpc" ? .vhd : ImageFormat(rawValue: word) ?? .file
    }

    public var isDiskImage: Bool { self != .file }
}

extension ImageFormat: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(word: try decoder.singleValueContainer().decode(String.self))
    }
}
