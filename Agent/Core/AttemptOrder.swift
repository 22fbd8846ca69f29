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
    /// Paths or names of QEMU and of qemu-img; missing in the files of older agents.
    public var qemuSystem: String?
    public var qemuImg: String?
    /// For guests that boot by UEFI; `nil` where the host has none.
    public var firmware: UEFIFirmware?

    public init(
        start: Start, accelerator: Accelerator?, stateFolder: String, searchPath: String,
        packer: String, fetchProgram: String, qemuSystem: String? = nil, qemuImg: String? = nil,
        firmware: UEFIFirmware? = nil
    ) {
        self.start = start
        self.accelerator = accelerator
        self.stateFolder = stateFolder
        self.searchPath = searchPath
        self.packer = packer
        self.fetchProgram = fetchProgram
        self.qemuSystem = qemuSystem
        self.qemuImg = qemuImg
        self.firmware = firmware
    }
}
