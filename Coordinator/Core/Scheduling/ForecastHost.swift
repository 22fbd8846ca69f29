import BuildProtocol

/// A host of a forecast: what is left of it, and when it gets how much back.
struct ForecastHost {
    /// `nil`: nobody knows.
    typealias Moment = Int?

    let isTesting: Bool
    private let opensAt: Int
    private var slots: Int
    private var left: Farm.Amounts
    /// What was taken, in the order of its ends.
    private var ends: [(seconds: Int, needs: Requirements)] = []
    /// The first guest OS of which nobody knows when it leaves.
    private(set) var unknown: String?

    /// - Parameter opensAt: seconds until it takes builds.
    init(_ room: Farm.Room, _ view: HostView, opensAt: Int) {
        isTesting = view.report?.runsTests == true
        self.opensAt = opensAt
        slots = room.slots
        left = room.left
    }

    /// Something that runs there already.
    mutating func running(_ needs: Requirements, until end: Moment, of guestOS: String) {
        guard let end else {
            unknown = unknown ?? guestOS
            return
        }
        let place = ends.firstIndex { $0.seconds > end } ?? ends.endIndex
        ends.insert((end, needs), at: place)
    }

    /// When it has room for this.
    func earliest(_ needs: Requirements) -> Moment {
        var (slots, left, moment) = (slots, left, opensAt)
        var next = ends.startIndex
        while slots < 1 || !left.cover(needs) {
            guard next < ends.endIndex else { return nil }
            slots += 1
            left.give(ends[next].needs)
            moment = max(moment, ends[next].seconds)
            next += 1
        }
        return moment
    }

    mutating func take(_ needs: Requirements, until end: Moment, of guestOS: String) {
        slots -= 1
        left.take(needs)
        running(needs, until: end, of: guestOS)
    }
}

extension Farm.Amounts {
    /// Wraps instead of trapping, as the sums of what runs do.
    fileprivate mutating func give(_ needs: Requirements) {
        vcpus &+= needs.vcpus
        memoryBytes &+= needs.memoryBytes
        diskBytes &+= needs.diskBytes
    }
}
