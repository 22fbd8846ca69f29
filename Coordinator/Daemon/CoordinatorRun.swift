import CoordinatorAdapters
import Support
import TextKit

/// The id of this run among all runs of all coordinators, and the ids of the runs before it in the
/// same state folder. A copy of a state folder gets ids of its own, so that two coordinators never
/// take each other for themselves.
struct CoordinatorRun {
    let id: String
    let predecessors: Set<String>

    /// Enough for a program that ends at once each time before it gets a lease.
    private static let keptRuns = 8

    /// Only while this process has the lock of the state folder: earlier runs have ended then.
    init(stateFolder: String) throws {
        let path = stateFolder + "/coordinator-id"
        var runs: [String] = []
        if Files.exists(path) {
            let text = String(decoding: try Files.read(path, limitBytes: 4096), as: UTF8.self)
            runs = text.lines.prefix(Self.keptRuns - 1).map { String($0.prefix(64)) }
        }
        id = RandomIDs().randomID()
        predecessors = Set(runs)
        let lines = ([id] + runs).map { $0 + "\n" }.joined()
        try Files.replace(path, with: Array(lines.utf8))
    }
}
