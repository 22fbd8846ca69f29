import Glibc
import Support
import TestSupport
import Testing

/// How long one target is tried: `FUZZ_SECONDS` (set by `make fuzz`), else some thousand inputs.
/// `FUZZ_SEED` begins elsewhere. A trap ends the whole run; the last input is then in the file that
/// `FUZZ_LAST` names.
struct FuzzRun {
    static let inputs = 3_000

    private let seed: Int
    private let seconds: Int?
    private let last: String?

    init() {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        seed = variable("FUZZ_SEED").flatMap { Int($0) } ?? 1
        seconds = variable("FUZZ_SECONDS").flatMap { Int($0) }
        last = variable("FUZZ_LAST")
    }

    /// - Parameter body: must return, or throw an error of its own, whatever it is given.
    /// - Returns: how many inputs `body` accepted.
    @discardableResult
    func run(_ name: String, _ seeds: [[UInt8]], _ body: ([UInt8]) throws -> Void) throws -> Int {
        try #require(!seeds.isEmpty)
        var accepted = 0
        let deadline = seconds.map { Clocks.monotonicMilliseconds() + Int64($0) * 1000 }
        var round = 0
        while deadline.map({ Clocks.monotonicMilliseconds() < $0 }) ?? (round < Self.inputs) {
            var mutator = Mutator(seed: seed &* 1_000_003 &+ round)
            // The first round takes the seeds as they are.
            let input =
                round < seeds.count ? seeds[round] : mutator.mutate(seeds[round % seeds.count])
            if let last { try Files.replace("\(last)-\(name)", with: input) }
            do {
                try body(input)
                accepted += 1
            } catch {
                #expect(round >= seeds.count, "\(name): a valid seed was refused: \(error)")
            }
            round += 1
        }
        return accepted
    }
}
