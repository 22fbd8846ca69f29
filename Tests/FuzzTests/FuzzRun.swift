import Glibc
import Support
import TestSupport
import Testing

/// What is fuzzed, each by one test.
enum FuzzTarget: String, CaseIterable { case agent, coordinator, template, image, cursor, webhook }

/// All targets together are tried for `FUZZ_SECONDS` (set by `make fuzz`), else each with some
/// thousand inputs. `FUZZ_SEED` begins elsewhere. A trap ends the whole run; the last input is then
/// in the file that `FUZZ_LAST` names.
struct FuzzRun {
    static let inputs = 3_000

    private let seed: Int
    private let seconds: Int?
    private let last: String?

    init() {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        seed = variable("FUZZ_SEED").flatMap { Int($0) } ?? 1
        // As many targets run at once as there are processors.
        let count = FuzzTarget.allCases.count
        let atOnce = min(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), count)
        seconds = variable("FUZZ_SECONDS").flatMap { Int($0) }.map { $0 * atOnce / count }
        last = variable("FUZZ_LAST")
    }

    /// - Parameter body: must return, or throw an error of its own, whatever it is given.
    /// - Returns: how many inputs `body` accepted.
    @discardableResult
    func run(
        _ target: FuzzTarget, _ seeds: [[UInt8]], _ body: ([UInt8]) throws -> Void
    ) throws -> Int {
        let name = target.rawValue
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
        if seconds != nil { print("\(name): \(round) inputs, \(accepted) of them accepted") }
        return accepted
    }
}
