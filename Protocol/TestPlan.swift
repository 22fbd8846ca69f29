/// How an image is tested: the virtual machine, the login, and the cases.
public struct TestPlan: Sendable, Hashable, Codable {
    public var imageFormat: ImageFormat
    /// `nil`: no login; a guest is up when it answers on `port`.
    public var login: GuestLogin?
    /// Of the guest: for SSH, or for a case's own program.
    @Bounded<PortBound> public var port: Int
    /// Limit until the guest is up, for each boot.
    @Bounded<SecondsBound> public var bootSeconds: Int
    public var disk: GuestDisk
    public var network: GuestNetwork
    /// The guest's firmware; `nil`: a BIOS.
    public var firmware: GuestFirmware?
    /// Whether guests and programs reach a network, as far as the host lets them; `nil`: no. Agents
    /// before 0.2 do not know it.
    public var online: Bool?
    /// Each boots the image from its original state, in this order.
    public var cases: [PlannedTest]

    public init(
        imageFormat: ImageFormat = .qcow2, login: GuestLogin? = nil, port: Int = 22,
        bootSeconds: Int = 300, disk: GuestDisk = .virtio, network: GuestNetwork = .virtio,
        firmware: GuestFirmware? = nil, online: Bool? = nil, cases: [PlannedTest] = []
    ) {
        self.imageFormat = imageFormat
        self.login = login
        self.port = port
        self.bootSeconds = bootSeconds
        self.disk = disk
        self.network = network
        self.firmware = firmware
        self.online = online
        self.cases = cases
    }

    public var isOnline: Bool { online == true }

    /// Whether the image is a list of what is elsewhere (`RemoteImageList`), and no guest boots.
    public var isRemote: Bool { imageFormat == .file }

    /// The abilities that an agent needs for this plan.
    public var abilities: Set<TestAbility> {
        var abilities: Set<TestAbility> = []
        if firmware == .uefi { abilities.insert(.uefi) }
        if isRemote { abilities.insert(.remote) }
        if cases.contains(where: { $0.kind == .program && $0.text != nil }) {
            abilities.insert(.programText)
        }
        return abilities
    }
}

/// How to log in by SSH. Secrets stay in the template's files; this contains none.
public struct GuestLogin: Sendable, Hashable, Codable {
    public enum Method: String, Sendable, Codable {
        /// A private key in the template, at `path`.
        case key
        /// A password: the first line of the file at `path` in the template.
        case password
        /// A key created for the attempt, given to the guest's cloud-init by a NoCloud seed.
        case cloudInit = "cloud-init"
    }

    public var user: String
    public var method: Method
    public var path: String?

    public init(user: String, method: Method, path: String? = nil) {
        self.user = user
        self.method = method
        self.path = path
    }
}

/// The disk controller of the image's disk in the guest.
public enum GuestDisk: String, Sendable, Codable, CaseIterable {
    case virtio, scsi, ide
}

public enum GuestNetwork: String, Sendable, Codable, CaseIterable {
    case virtio, e1000
}

public enum GuestFirmware: String, Sendable, Codable, CaseIterable {
    case bios, uefi
}

/// One test case of a plan.
public struct PlannedTest: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable {
        /// The guest boots.
        case boot
        /// The guest shuts down by itself after an ACPI power button event.
        case shutdown
        /// The guest boots `times` times, each from the unchanged image.
        case bootRepeated = "boot-repeated"
        /// A script that runs in the guest.
        case script
        /// A program that runs on the host.
        case program
    }

    public var name: String
    public var kind: Kind
    /// For each boot if the case is about booting, otherwise for what it does once the guest is up.
    @Bounded<SecondsBound> public var limitSeconds: Int
    @OptionalBounded<BootBound> public var times: Int?
    /// A script of the template.
    public var path: String?
    /// The text of a registered script or program.
    public var text: String?
    /// The program and its arguments, without a shell.
    public var command: [String]?
    /// The coordinator's id of a registered case.
    public var id: String?

    public init(
        name: String, kind: Kind, limitSeconds: Int, times: Int? = nil, path: String? = nil,
        text: String? = nil, command: [String]? = nil, id: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.limitSeconds = limitSeconds
        self.times = times
        self.path = path
        self.text = text
        self.command = command
        self.id = id
    }

    public var boots: Int { kind == .bootRepeated ? max(1, times ?? 1) : 1 }

    private var isAboutBooting: Bool { kind == .boot || kind == .bootRepeated }

    /// The limit until the guest is up.
    public func bootSeconds(in plan: TestPlan) -> Int {
        isAboutBooting ? limitSeconds : plan.bootSeconds
    }

    /// The limit of the whole case.
    public func totalSeconds(in plan: TestPlan) -> Int {
        boots * bootSeconds(in: plan) + (isAboutBooting ? 0 : limitSeconds)
    }

    /// Whether it requires a login.
    public var needsLogin: Bool { kind == .script }
}

/// Features of test plans that not every agent supports. An agent lists its abilities in its
/// report; older ones list none.
public enum TestAbility: String, Sendable, CaseIterable {
    /// Runs programs whose text is in the plan.
    case programText = "program-text"
    /// Boots guests by UEFI.
    case uefi
    /// Runs programs on images that are elsewhere, without a guest.
    case remote
}

/// The result of one test case.
public struct TestResult: Sendable, Hashable, Codable {
    public enum Verdict: String, Sendable, Codable {
        case passed, failed
        /// It could not be determined.
        case error
    }

    @BoundedText<WordBound> public var name: String
    public var result: Verdict
    @Bounded<DurationBound> public var milliseconds: Int64
    /// For people: what failed. Empty if it passed.
    @BoundedText<ReasonBound> public var detail: String
    /// Its part of the attempt's log, in bytes of the file.
    @Bounded<ByteBound> public var logFrom: Int64
    @Bounded<ByteBound> public var logTo: Int64

    public init(
        name: String, result: Verdict, milliseconds: Int64, detail: String = "", logFrom: Int64,
        logTo: Int64
    ) {
        self.name = name
        self.result = result
        self.milliseconds = milliseconds
        self.detail = detail
        self.logFrom = logFrom
        self.logTo = logTo
    }
}
