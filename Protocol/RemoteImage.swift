/// What a build made outside its host: an image in a cloud or in a registry, as its builder names
/// it.
public struct RemoteImage: Sendable, Hashable, Codable {
    /// The source of the template that made it: `amazon-ebs`, `googlecompute.web`.
    @BoundedText<WordBound> public var builder: String
    /// Packer's word for the kind of thing that it is: `mitchellh.amazonebs`.
    @BoundedText<WordBound> public var type: String
    /// As things of this kind are named: `eu-central-1:ami-0abc`. `nil`: the build ended after its
    /// builder had finished, and before Packer said what it had made.
    @OptionalBoundedText<RemoteIDBound> public var id: String?

    public init(builder: String, type: String, id: String?) {
        self.builder = builder
        self.type = type
        self.id = id
    }
}

/// An image that Packer copied to many regions has an id for each of them, in one text.
public enum RemoteIDBound: TextBound { public static let bytes = ProtocolLimits.remoteIDBytes }

/// The content of a file that says what a build made elsewhere (`ArtifactKind.remote`).
public struct RemoteImageList: Sendable, Hashable, Codable {
    public static let fileName = "remote-images.json"

    public var images: [RemoteImage]

    public init(_ images: [RemoteImage]) { self.images = images }

    /// Why no build can have left this; `nil` if it can.
    public var problem: String? {
        if images.isEmpty { return "lists no image" }
        if images.count > ProtocolLimits.remoteImages {
            return "lists \(images.count) images; at most \(ProtocolLimits.remoteImages) are "
                + "allowed"
        }
        for image in images {
            guard !image.builder.isEmpty, let id = image.id, !id.isEmpty else {
                return "has an image without builder or id"
            }
            // A longer one was cut, and would name something else.
            guard id.utf8.count < ProtocolLimits.remoteIDBytes else {
                return "has an id of \(ProtocolLimits.remoteIDBytes) bytes or more"
            }
            guard !id.utf8.contains(where: { $0 < 0x20 }) else {
                return "has an id with a control character"
            }
        }
        return nil
    }
}
