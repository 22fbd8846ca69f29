public import BuildProtocol

/// What a daemon hands to the supervisor of an attempt, by `start.json`.
public struct AttemptOrder: Sendable, Hashable, Codable {
    public var start: Start
    /// The one this attempt uses; `nil` on a host without QEMU.
    public var accelerator: Accelerator?
    public var stateFolder: String
    /// `PATH` of the build program: where Packer, QEMU and the system's tools are.
    public var searchPath: String
    /// Path or name of Packer.
    public var packer: String
    /// Path of `aibuild-fetch`.
    public var fetchProgram: String

    public init(
        start: Start, accelerator: Accelerator?, stateFolder: String, searchPath: String,
        packer: String, fetchProgram: String
    ) {
        self.start = start
        self.accelerator = accelerator
        self.stateFolder = stateFolder
        self.searchPath = searchPath
        self.packer = packer
        self.fetchProgram = fetchProgram
    }
}
