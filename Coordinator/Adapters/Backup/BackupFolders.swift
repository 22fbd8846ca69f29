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

    static func isName(_ name: some StringProtocol) -> Bool {
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

    /// Refuses folders that would be lost together with what is backed up.
    static func refuse(_ parent: String, _ keysParent: String?, of places: FarmPlaces) throws {
        if let keysParent, (real(keysParent) + "/").hasPrefix(real(parent) + "/") {
            throw Failure(
                "\(keysParent) is the folder of the backups, or inside it: choose another one for "
                    + "their keys")
        }
        for target in [parent] + (keysParent.map { [$0] } ?? []) {
            for own in [places.stateFolder, places.sharedFolder, places.webRoot]
            where (real(target) + "/").hasPrefix(real(own) + "/") {
                throw Failure(
                    "\(target) is inside \(own), which would be lost together with it: choose a "
                        + "folder on another disk")
            }
        }
    }

    /// The path with the links of what exists of it followed.
    private static func real(_ path: String) -> String {
        if let real = Links.resolved(path) { return real }
        let parent = Files.folder(of: path)
        return parent == path ? path : real(parent) + "/" + Files.name(of: path)
    }
}
