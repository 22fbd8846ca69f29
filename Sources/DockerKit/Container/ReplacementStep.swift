/// The next step in the replacement of a container, decided only by what exists on the host: after
/// a crash between two steps the replacement is resumed from there.
///
/// The order minimizes the downtime, and keeps the old container until the new one is healthy:
/// rename old, create new, stop old, start new, watch it, remove old.
enum ReplacementStep: String, Sendable, Hashable, CaseIterable {
    case renameOld, create, stopOld, start, watch, removeOld, nothing

    /// The containers on the host under the two names.
    struct Observation: Sendable, Hashable {
        enum Current: Sendable, Hashable {
            /// Not created by this replacement.
            case other
            /// Created by this replacement, not started yet.
            case created
            /// Created by this replacement and started.
            case started
        }

        enum Old: Sendable, Hashable { case running, stopped }

        var current: Current?
        var old: Old?
        var isWatched = false
    }

    /// Containers of someone else exist under both names.
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
