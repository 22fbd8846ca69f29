import Support
import TextKit

/// The names of backups: the time, such as `2026-11-30T152501Z`. One that is being made ends in
/// `.part`.
enum BackupFolders {
    static let partEnding = ".part"
    static let keys = "keys"

    static func name(_ unixMilliseconds: Int64) -> String {
        UTCTime(unixMilliseconds: unixMilliseconds).rfc3339.filter { $0 != ":" }
    }

    private static func isName(_ name: some StringProtocol) -> Bool {
        let pattern = "dddd-dd-ddTddddddZ"
        return name.utf8.count == pattern.utf8.count
            && zip(name.utf8, pattern.utf8).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "d") ? (48...57).contains(byte) : byte == wanted
            }
    }

    /// What a backup left that was interrupted. Nobody makes one now.
    static func removeParts(_ parent: String) throws(SystemError) {
        for name in try Files.list(parent)
        where name.hasSuffix(partEnding) && isName(name.dropLast(partEnding.count)) {
            try Files.remove("\(parent)/\(name)")
        }
    }

    /// Whole backups, all but the newest ones.
    /// - Parameter newest: the one that was just made. Those that a wrong clock has given a later
    ///   name neither count nor go.
    static func old(
        _ parent: String, keeping count: Int, until newest: String
    ) throws(SystemError) -> [String] {
        try Files.list(parent).filter {
            isName($0) && $0 <= newest
                && Files.exists("\(parent)/\($0)/\(BackupManifest.digestName)")
        }.dropLast(max(1, count))
    }
}
