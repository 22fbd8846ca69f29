/// The Packer variables whose values the agent knows. A template that declares or refers to one of
/// them gets it.
public enum OfferedVariable: String, Sendable, CaseIterable {
    case outdir, vmname, accelerator, cpus, isourl, isochecksum
    case imageName = "image_name"
    case buildNumber = "build_number"
    case memoryMB = "memory_mb"
    case hostPortMin = "host_port_min"
    case hostPortMax = "host_port_max"
    case vncPortMin = "vnc_port_min"
    case vncPortMax = "vnc_port_max"

    /// Whether only a build with a base image has it.
    public var needsBaseImage: Bool { self == .isourl || self == .isochecksum }
}
