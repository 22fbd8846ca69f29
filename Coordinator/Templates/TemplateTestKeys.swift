import BuildProtocol
import YAMLKit

/// The keys of `tests:` in `aibuild.yml`.
enum TemplateTestKeys {
    static let all = YAMLKeys(
        vcpus, memory, disk, login, port, bootLimit, diskBus, network, firmware, online, skip,
        cases)

    static let vcpus = YAMLKey("vcpus", .int(1...1024), "Virtual processors of the guest.")
    static let memory = YAMLKey("memory", .sizeBytes, "Memory of the guest.")
    static let disk = YAMLKey("disk", .sizeBytes, "Space on the host beside the image.")
    static let login = YAMLKey(
        "login", .mapping(of: Login.all), "How the tests sign in to the guest.")
    static let port = YAMLKey("port", .int(1...65_535), "The guest's port of SSH.")
    static let bootLimit = YAMLKey("boot_limit", .testSeconds, "Until the guest answers.")
    static let diskBus = YAMLKey(
        "disk_bus", YAMLType<GuestDisk>.word, "How the guest sees its disk.")
    static let network = YAMLKey(
        "network", YAMLType<GuestNetwork>.word, "The guest's network card.")
    static let firmware = YAMLKey(
        "firmware", YAMLType<GuestFirmware>.word,
        "bios, or uefi with fresh variables for each boot.")
    static let online = YAMLKey(
        "online", .bool, "Whether the guest reaches what its host allows; false by default.")
    static let skip = YAMLKey(
        "skip", .list(of: .string), "Registered test cases that are left out.")
    static let cases = YAMLKey(
        "cases", .list(of: .mapping(of: Case.all)), "Test cases of this image, in order.")

    enum Login {
        static let user = YAMLKey("user", .userName, "Who signs in.")
        static let key = YAMLKey("key", .innerPath, "A private key, in the template.")
        static let passwordFile = YAMLKey(
            "password_file", .innerPath, "A file with the password, in the template.")
        static let cloudInit = YAMLKey(
            "cloud_init", .bool, "Lets cloud-init of the guest make the login.")
        static let all = YAMLKeys(user, key, passwordFile, cloudInit, required: ["user"])
    }

    enum Builtin: String, CaseIterable { case boot, shutdown, boot_repeated }

    enum Case {
        static let name = YAMLKey("name", .caseName, "What the case shows, each once.")
        static let builtin = YAMLKey(
            "builtin", YAMLType<Builtin>.word, "A test that aibuild knows.")
        static let script = YAMLKey(
            "script", .innerPath, "A script of the template that runs in the guest.")
        static let program = YAMLKey(
            "program", .command, "A program of the template that runs on the host.")
        static let times = YAMLKey(
            "times", .int(2...ProtocolLimits.testBoots), "Boots of boot_repeated.")
        static let limit = YAMLKey("limit", .testSeconds, "When the case is ended.")
        static let all = YAMLKeys(
            name, builtin, script, program, times, limit, required: ["name"])
    }
}
