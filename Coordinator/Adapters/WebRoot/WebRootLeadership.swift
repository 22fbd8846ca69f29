import CoordinatorCore
import Support

/// Who may write to a web root: the leader with the newest epoch that has written there, which a
/// file of it remembers.
struct WebRootLeadership {
    private let folder: String
    /// The newest epoch of another leader that the log has.
    private var reported: Int64 = 0

    init(folder: String) { self.folder = folder }

    /// - Throws: `StoreError.deposed` if a later epoch has led here.
    mutating func lead(_ epoch: LeaseEpoch) throws {
        let path = "\(folder)/images/.epoch"
        var known: Int64 = 0
        if Files.exists(path) {
            let text = try Files.read(path, limitBytes: 64)
            known = Int64(String(decoding: text, as: UTF8.self)) ?? 0
        }
        guard epoch.number >= known else {
            report(known, over: epoch.number)
            throw StoreError.deposed(webRootEpoch: known)
        }
        // A full disk must not keep the leader from making room.
        if epoch.number > known { try? Files.replace(path, with: Array("\(epoch.number)".utf8)) }
    }

    /// Once for each epoch: every step that follows fails likewise.
    private mutating func report(_ later: Int64, over own: Int64) {
        guard later > reported else { return }
        reported = later
        Logger("web root").error(
            "Another coordinator has begun to lead at \(folder) (epoch \(later), this one has "
                + "\(own)): nothing more is published by this one. If the other one has another "
                + "database, give it a web_root of its own, stop it, and restart this one")
    }
}
