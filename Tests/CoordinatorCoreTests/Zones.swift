import CoordinatorCore

/// Time zones without the files of a machine: made of the rule at the end of such a file.
enum Zones {
    static let berlin = zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3", 3600)
    static let newYork = zone("America/New_York", "EST5EDT,M3.2.0,M11.1.0", -18_000)
    /// Its clock changes by half an hour.
    static let lordHowe = zone(
        "Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37_800)
    static let kolkata = zone("Asia/Kolkata", "IST-5:30", 19_800)

    static func zone(_ name: String, _ rule: String, _ offset: Int32) -> TimeZoneRules {
        (try? TimeZoneRules(name: name, file: file(rule, offset))) ?? .utc
    }

    static func file(_ rule: String, _ offset: Int32) -> [UInt8] {
        let header =
            Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15 + 16) + [0, 0, 0, 1, 0, 0, 0, 4]
        let type = (0..<4).map { UInt8(truncatingIfNeeded: offset >> (24 - 8 * $0)) } + [0, 0]
        let block = header + type + Array("ABC\0".utf8)
        return block + block + Array("\n\(rule)\n".utf8)
    }
}
