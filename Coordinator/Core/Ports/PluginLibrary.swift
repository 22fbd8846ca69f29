public import BuildProtocol

/// Packer's plugins that the coordinator hands out to its hosts.
public protocol PluginLibrary: Sendable {
    /// Those for all platforms. Cheap enough to be asked again and again: nothing is read but names
    /// and checksum files.
    /// - Throws: if they cannot be listed, which is not the same as none.
    func plugins() async throws -> [PackerPlugin]
}
