/// When something is expected, and from how many builds that is known.
struct RangeAnswer: Decodable {
    struct Basis: Decodable {
        var builds: Int
        var of: String
    }

    var from, to: String
    var basis: Basis?

    /// `14:10–14:25`
    var times: String { Format.range(from, to) }

    /// `31 builds of debian12`; `nil` if no history was needed.
    var source: String? {
        basis.map { "\($0.builds) \($0.builds == 1 ? "build" : "builds") of \($0.of)" }
    }

    /// `14:10–14:25, from 31 builds of debian12`
    var words: String { times + (source.map { ", from \($0)" } ?? "") }
}
