/// What comes next in the replacement of a container, decided by what stands on the host alone: a
/// coordinator that crashed between two steps looks again and goes on.
///
/// The order keeps the service away as shortly as possible, and the old container until the new one
/// is known to be well: rename old, create new, stop old, start new, watch it, remove old.
enum ReplacementStep: String, Sendable, Hashable, CaseIterable {
    case renameOld, create, stopOld, start, watch, removeOld, nothing

    /// What stands on the host under the two names.
    struct Observation: Sendable, Hashable {
        enum Current: Sendable, Hashable {
            /// Another than the one that this replacement made.
            case other
            /// Made by this replacement, and not started yet.
            case created
            /// Made by this replacement, and started.
            case started
        }

        enum Old: Sendable, Hashable { case running, stopped }

        var current: Current?
        var old: Old?
        var isWatched = false
    }

    /// Two containers under both names of which none is ours: somebody else works here.
    struct NameConflict: Error {}

    static func next(_ observed: Observation) throws(NameConflict) -> ReplacementStep {
        switch (observed.current, observed.old) {
        case (.other, nil): return .renameOld
        case (.other, .some): throw NameConflict()
        case (nil, _): return .create
        case (.created, .running): return .stopOld
        case (.created, _): return .start
        case (.started, _) where !observed.isWatched: return .watch
        case (.started, .some): return .removeOld
        case (.started, nil): return .nothing
        }
    }
}
