/// OVMF: what a guest boots by that knows no BIOS.
public struct UEFIFirmware: Sendable, Hashable, Codable {
    /// Of every guest; read only.
    public var code: String
    /// What a new guest's variables are; each boot has a copy of its own.
    public var variables: String

    public init(code: String, variables: String) {
        self.code = code
        self.variables = variables
    }

    /// Debian's names, the roomier first: what is there of one must be of the other, too.
    public static func candidates(in folder: String) -> [UEFIFirmware] {
        ["_4M", ""].map { size in
            UEFIFirmware(
                code: "\(folder)/OVMF_CODE\(size).fd", variables: "\(folder)/OVMF_VARS\(size).fd")
        }
    }

    /// Why a host without it takes no test that needs it.
    public static func missing(in folder: String) -> String {
        "the image boots by UEFI, and this host has no \(candidates(in: folder)[0].code): install "
            + "the package ovmf, or name its folder as ovmf_folder in agent.yml"
    }
}
