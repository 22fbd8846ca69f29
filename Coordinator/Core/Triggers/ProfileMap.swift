import BuildProtocol
import FoundationEssentials
import TextKit

/// Which guest OSes a profile builds, and from which source image: two files, as Packuilon has
/// them.
public struct ProfileMap: Sendable, Hashable {
    /// Names of guest OSes, by the name of a profile, or `DEFAULT`.
    private let guestOSes: [String: [String]]
    /// By the operating system with its version and architecture.
    private let images: [String: String]
    private let metadata: [ProfileMetadata]

    private static let otherwise = "DEFAULT"

    public struct Builds: Sendable, Hashable {
        public var guestOSes: [String]
        public var variables: [String: String]
    }

    /// - Parameters:
    ///   - templateMap: a JSON object of lists of templates. A path stands for the guest OS that is
    ///     named like its file, without `.json`.
    ///   - sourceImages: a JSON object of images by `sl7x-x86_64`, or of objects by `sl`, of images
    ///     by `7x-x86_64`.
    /// - Throws: `ProfileFault`
    public init(
        templateMap: [UInt8], sourceImages: [UInt8],
        metadata: [ProfileMetadata] = ProfileMetadata.usual
    ) throws(ProfileFault) {
        self.metadata = metadata
        var guestOSes: [String: [String]] = [:]
        for (name, value) in try Self.object(templateMap, "template_map") {
            guard case .array(let items) = value, !items.isEmpty else {
                throw ProfileFault(
                    "template_map: \(Names.quoted(name)): expected a list of templates")
            }
            var names: [String] = []
            for item in items {
                let guestOS = Self.guestOS(item.text ?? "")
                if let problem = Names.problem(guestOS, what: "guest OS") {
                    throw ProfileFault("template_map: \(Names.quoted(name)): \(problem)")
                }
                if !names.contains(guestOS) { names.append(guestOS) }
            }
            guestOSes[name] = names
        }
        self.guestOSes = guestOSes
        var images: [String: String] = [:]
        for (system, value) in try Self.object(sourceImages, "source_images") {
            switch value {
            case .string(let image): images[system] = image
            case .object(let versions):
                for (version, image) in versions { images[system + version] = image.text ?? "" }
            default:
                throw ProfileFault(
                    "source_images: \(Names.quoted(system)): expected an image, or images by "
                        + "version")
            }
        }
        self.images = images
    }

    private static func object(
        _ bytes: [UInt8], _ file: String
    ) throws(ProfileFault) -> [String: JSON] {
        guard case .object(let fields)? = try? JSON(parsing: bytes) else {
            throw ProfileFault("\(file): the file is no JSON object")
        }
        return fields
    }

    /// `/etc/packer-utils/templates/managed.json` is `managed`.
    private static func guestOS(_ template: String) -> String {
        let name = template.pathSegments.last.map(String.init) ?? ""
        return name.hasSuffix(".json") ? String(name.dropLast(".json".count)) : name
    }

    /// - Throws: `ProfileFault`: why nothing is built.
    public func builds(of profile: ImageProfile) throws(ProfileFault) -> Builds {
        guard let image = images[profile.system], !image.isEmpty else {
            throw ProfileFault("source_images has no \(Names.quoted(profile.system))")
        }
        let keys = [profile.name, profile.personalityAndSystem, Self.otherwise]
        guard let guestOSes = keys.lazy.compactMap({ guestOSes[$0] }).first else {
            throw ProfileFault(
                "template_map has neither \(Names.quoted(profile.name)) nor "
                    + "\(Names.quoted(profile.personalityAndSystem)) nor DEFAULT")
        }
        var told: [String: JSON] = [:]
        for item in metadata { told[item.rawValue] = item.value(profile).map(JSON.string) }
        return Builds(
            guestOSes: guestOSes,
            variables: [
                "NAME": profile.name, "IMAGE": image,
                "METADATA": String(decoding: JSON.object(told).bytes, as: UTF8.self),
            ])
    }
}
