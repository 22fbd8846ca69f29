/// OVMF, the firmware of guests that boot by UEFI.
public struct UEFIFirmware: Sendable, Hashable, Codable {
    /// Shared by all guests; read-only.
    public var code: String
    /// The initial variables; each boot gets its own copy.
    public var variables: String

    public init(code: String, variables: String) {
        self.code = code
        self.variables = variables
    }

    /// Debian's file names, the larger flash size first.
    public static func candidates(in folder: String) -> [UEFIFirmware] {
        ["_4M", ""].map { size in
            UEFIFirmware(
                code: "\(folder)/OVMF_CODE\(size).fd", variables: "\(folder)/OVMF_VARS\(size).fd")
        }
    }

    /// Why a host without OVMF refuses a test that needs it.
    public static func missing(in folder: String) -> String {
        "the image boots by UEFI, but this host has no \(candidates(in: folder)[0].code): install "
            + "the package ovmf, or set ovmf_folder in agent.yml"
    }
}
