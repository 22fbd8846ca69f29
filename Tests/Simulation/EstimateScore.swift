import CoordinatorCore

/// How estimates did beside what happened.
struct EstimateScore {
    struct Tally {
        private(set) var count = 0
        private(set) var inside = 0
        private(set) var early = 0
        private(set) var widths: [Int] = []
        private(set) var errors: [Int] = []
        private(set) var plainErrors: [Int] = []

        /// - Parameter plain: what a plain average says.
        mutating func add(_ range: TimeRange, middle: Int64, plain: Int64, truth: Int64) {
            count += 1
            // Ranges are from whole seconds.
            let around = (range.fromMilliseconds - 999)...(range.toMilliseconds + 999)
            if around.contains(truth) { inside += 1 }
            if truth < around.lowerBound { early += 1 }
            widths.append(Int((range.toMilliseconds - range.fromMilliseconds) / 1000))
            errors.append(Int(abs(middle - truth) / 1000))
            plainErrors.append(Int(abs(plain - truth) / 1000))
        }

        static func median(_ values: [Int]) -> Int {
            values.isEmpty ? 0 : values.sorted()[values.count / 2]
        }

        var words: String {
            let share = inside * 1000 / max(1, count)
            return "\(count) estimates, \(share / 10).\(share % 10) % inside, "
                + "\(early) early, \(count - inside - early) late, "
                + "median width \(Self.median(widths)) s, "
                + "median error \(Self.median(errors)) s, "
                + "of a plain average \(Self.median(plainErrors)) s"
        }
    }

    var builds = 0
    var starts = Tally()
    var ends = Tally()
    var unknown = 0
    var waits: [Int] = []

    var report: String {
        """
        \(builds) builds, \(waits.count) waited, median wait \(Tally.median(waits)) s, \
        \(unknown) without an estimate
        starts: \(starts.words)
        ends: \(ends.words)
        """
    }
}
