/// The name of a plugin's file as Packer installs it:
/// `packer-plugin-qemu_v1.0.9_x5.0_linux_amd64`.
public struct PackerPluginFile: Sendable, Hashable {
    public var name: String
    public var version: String

    public init?(_ file: String) {
        guard
            let match = file.wholeMatch(
                of:
                    #/packer-plugin-([\w-]+)_v([0-9][A-Za-z0-9.+-]*)_x[0-9.]+_linux_[a-z0-9]+/#
            )
        else { return nil }
        name = String(match.1)
        version = String(match.2)
    }
}
