/// How an image is tested: the machine that boots it, the way into the guest, and the cases.
public struct TestPlan: Sendable, Hashable, Codable {
    public var imageFormat: ImageFormat
    /// `nil`: nobody logs in; a guest is up when it answers on `port`.
    public var login: GuestLogin?
    /// Of the guest: SSH's, or where a case's own program reaches it.
    public var port: Int
    /// Until the guest is up, for each boot.
    public var bootSeconds: Int
    public var disk: GuestDisk
    public var network: GuestNetwork
    /// What the guest boots by; `nil`: a BIOS.
    public var firmware: GuestFirmware?
    /// Each boots the image afresh, in this order.
    public var cases: [PlannedTest]

    public init(
        imageFormat: ImageFormat = .qcow2, login: GuestLogin? = nil, port: Int = 22,
        bootSeconds: Int = 300, disk: GuestDisk = .virtio, network: GuestNetwork = .virtio,
        firmware: GuestFirmware? = nil, cases: [PlannedTest] = []
    ) {
        self.imageFormat = imageFormat
        self.login = login
        self.port = port
        self.bootSeconds = bootSeconds
        self.disk = disk
        self.network = network
        self.firmware = firmware
        self.cases = cases
    }

    /// What an agent must be able to do beyond testing images at all.
    public var abilities: Set<TestAbility> {
        var abilities: Set<TestAbility> = []
        if firmware == .uefi { abilities.insert(.uefi) }
        if cases.contains(where: { $0.kind == .program && $0.text != nil }) {
            abilities.insert(.programText)
        }
        return abilities
    }
}

/// Who logs in by SSH, and with what. Secrets stay in the template's files: nothing here is one.
public struct GuestLogin: Sendable, Hashable, Codable {
    public enum Method: String, Sendable, Codable {
        /// A private key in the template, at `path`.
        case key
        /// A password: the first line of the file at `path` in the template.
        case password
        /// A key made for the attempt, given to the guest's cloud-init by a NoCloud seed.
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

/// What the image's disk is to the guest.
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
        /// The guest comes up.
        case boot
        /// It shuts itself down when its power button is pressed.
        case shutdown
        /// It comes up so many `times` in a row, each from the image as it is.
        case bootRepeated = "boot-repeated"
        /// A script that runs in the guest.
        case script
        /// A program that runs on the host.
        case program
    }

    public var name: String
    public var kind: Kind
    /// Of each boot where the case is about that, else of what it does once the guest is up.
    public var limitSeconds: Int
    public var times: Int?
    /// A script of the template.
    public var path: String?
    /// A script, or a program, that is registered at the coordinator.
    public var text: String?
    /// The program and its arguments as they stand, no shell.
    public var command: [String]?
    /// The coordinator's own name for a case that is registered there.
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

    /// How long the guest may take to come up.
    public func bootSeconds(in plan: TestPlan) -> Int {
        isAboutBooting ? limitSeconds : plan.bootSeconds
    }

    /// How long the case may take in all.
    public func totalSeconds(in plan: TestPlan) -> Int {
        boots * bootSeconds(in: plan) + (isAboutBooting ? 0 : limitSeconds)
    }

    /// Whether somebody must be able to log in for it.
    public var needsLogin: Bool { kind == .script }
}
