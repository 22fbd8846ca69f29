/// What a run is made of: the same settings give the same trace.
struct Settings: Sendable {
    var seed: UInt64 = 1
    var hosts = 200
    var builds = 5_000
    var tracePath: String?
    /// Shows what the coordinators log.
    var isVerbose = false
    /// Compares estimated starts and ends with the true ones, instead of looking for faults.
    var checksEstimates = false
    /// Of starts only.
    var asksEnds = true

    static let usage = """
        usage: aibuild-simulate [--seed N] [--hosts N] [--builds N] [--trace FILE] [--verbose]
               aibuild-simulate --estimates [--starts-only] [--seed N] [--builds N]
        """

    /// `nil` when they cannot be understood.
    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            if option == "--verbose" {
                isVerbose = true
                continue
            }
            if option == "--starts-only" {
                asksEnds = false
                continue
            }
            if option == "--estimates" {
                checksEstimates = true
                continue
            }
            guard let value = rest.popFirst() else { return nil }
            switch option {
            case "--seed":
                guard let number = UInt64(value) else { return nil }
                seed = number
            case "--hosts":
                guard let number = Int(value), (1...100_000).contains(number) else { return nil }
                hosts = number
            case "--builds":
                guard let number = Int(value), (1...10_000_000).contains(number) else { return nil }
                builds = number
            case "--trace": tracePath = value
            default: return nil
            }
        }
    }
}
