public import BuildProtocol

/// What the daemon passes to the supervisor of an attempt, in `start.json`.
public struct AttemptOrder: Sendable, Hashable, Codable {
    public var start: Start
    /// The accelerator of this attempt; `nil` on a host without QEMU.
    public var accelerator: Accelerator?
    public var stateFolder: String
    /// `PATH` of the build program: where Packer, QEMU and the system's tools are.
    public var searchPath: String
    /// Path or name of Packer.
    public var packer: String
    /// Path of `aibuild-fetch`.
    public var fetchProgram: String
    /// Paths or names of QEMU and qemu-img; absent in files of older agents.
    public var qemuSystem: String?
    public var qemuImg: String?
    /// For guests that boot by UEFI; `nil` if the host has none.
    public var firmware: UEFIFirmware?

    /// `nil`: programs are not isolated; absent in files of older agents.
    public var isolation: Isolation?
    /// The name of its home and temporary folder if programs are not isolated; absent in files of
    /// older agents.
    public var shortName: String?
    /// Absent in files of older agents.
    public var proxy: ProxySettings?
    /// The folder of Packer's plugins; absent in files of older agents.
    public var packerPlugins: String?
    /// The secrets that the recipe names; absent in files of older agents.
    public var secrets: [String: HostSecret]?
    /// Whether the template is only looked at; absent in files of older agents.
    public var isCheck: Bool?

    public init(
        start: Start, accelerator: Accelerator?, stateFolder: String, searchPath: String,
        packer: String, fetchProgram: String, qemuSystem: String? = nil, qemuImg: String? = nil,
        firmware: UEFIFirmware? = nil, isolation: Isolation? = nil, shortName: String? = nil,
        proxy: ProxySettings? = nil, packerPlugins: String? = nil,
        secrets: [String: HostSecret]? = nil
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
        self.isolation = isolation
        self.shortName = shortName
        self.proxy = proxy
        self.packerPlugins = packerPlugins
        self.secrets = secrets
    }
}
