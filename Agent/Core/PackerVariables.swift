public import BuildProtocol
import TextKit

/// The variables that are passed to an attempt's Packer.
public enum PackerVariables {
    /// Values of the agent. A template gets those that it declares.
    public struct Offer: Sendable, Hashable {
        /// Must not exist yet: Packer creates it.
        public var outputFolder: String
        public var imageName: String
        public var buildNumber: Int
        public var baseImagePath: String?
        public var baseImageDigest: ImageDigest?
        public var accelerator: Accelerator?
        public var vcpus: Int
        public var memoryBytes: Int64
        /// For SSH into the guest.
        public var ports: Range<Int>

        public init(
            outputFolder: String, imageName: String, buildNumber: Int, baseImagePath: String?,
            baseImageDigest: ImageDigest?, accelerator: Accelerator?, vcpus: Int,
            memoryBytes: Int64,
            ports: Range<Int>
        ) {
            self.outputFolder = outputFolder
            self.imageName = imageName
            self.buildNumber = buildNumber
            self.baseImagePath = baseImagePath
            self.baseImageDigest = baseImageDigest
            self.accelerator = accelerator
            self.vcpus = vcpus
            self.memoryBytes = memoryBytes
            self.ports = ports
        }

        var values: [String: String] {
            var values = [
                "outdir": outputFolder,
                "vmname": imageName + ".qcow2",
                "image_name": imageName,
                "build_number": String(buildNumber),
                "cpus": String(vcpus),
                "memory_mb": String(memoryBytes >> 20),
                "host_port_min": String(ports.lowerBound),
                "host_port_max": String(ports.upperBound - 1),
                "vnc_port_min": String(AgentLimits.vncPorts.lowerBound),
                "vnc_port_max": String(AgentLimits.vncPorts.upperBound - 1),
            ]
            values["accelerator"] = accelerator?.rawValue
            values["isourl"] = baseImagePath
            if baseImagePath != nil {
                values["isochecksum"] =
                    baseImageDigest.map { "\($0.algorithm.rawValue):\($0.hex)" } ?? "none"
            }
            return values
        }
    }

    /// The values of the variables that `template` declares; those of the recipe take precedence.
    /// - Throws: a template fault that names a variable of the recipe that is not declared, since
    ///   it would silently have no effect.
    public static func values(
        for template: PackerTemplate, recipe: [String: String], offer: Offer
    ) throws(Fault) -> [String: String] {
        for name in recipe.keys.sorted() where !template.variables.contains(name) {
            let declared = template.variables.sorted().joined(separator: ", ")
            throw Fault(
                .template, .templateInvalid,
                "aibuild.yml sets the variable '\(name)', which the Packer template does not "
                    + "declare; it declares: \(declared.isEmpty ? "none" : declared)")
        }
        return offer.values.merging(recipe) { _, own in own }
            .filter { template.variables.contains($0.key) }
    }

    /// The file for `-var-file`.
    public static func file(_ values: [String: String]) throws -> [UInt8] {
        try CanonicalJSON.encode(values)
    }
}
