import BuildProtocol
import CoordinatorCore
import Testing

/// Why the code adds, subtracts and converts numbers from outside with plain operators: their
/// ranges leave room. Sums whose number of terms nothing bounds are clamped, or wrap (TidyTests).
@Suite struct BoundSumTests {
    /// Every `NumberBound`; TidyTests compares the list with the sources.
    private static let bounds: [any NumberBound.Type] = [
        BootBound.self, ByteBound.self, ChunkBound.self, CleanupBound.self, CountBound.self,
        DurationBound.self, ExitStatusBound.self, KeptImagesBound.self, PortBound.self,
        PriorityBound.self, RetriesBound.self,
        RevisionBound.self, SecondsBound.self, SerialBound.self, SlotBound.self,
        TriggerSecondsBound.self, UnixTimeBound.self,
    ]

    private func largest<Bound: NumberBound>(_ bound: Bound.Type) -> Int64 {
        max(
            Int64(Bound.range.upperBound.magnitude), Int64(Bound.range.lowerBound.magnitude))
    }

    @Test("A thousand numbers of any kind can be added up, or subtracted")
    func thousandTerms() {
        for bound in Self.bounds {
            let largest = largest(bound)
            #expect(largest <= 1 << 53, "\(bound)")
            #expect(!largest.multipliedReportingOverflow(by: 1_000).overflow, "\(bound)")
        }
        // What one attempt or one host has of them.
        let most = [
            ProtocolLimits.artifactsPerAttempt, ProtocolLimits.attemptsPerHost,
            ProtocolLimits.testCases,
        ]
        let bytes = largest(ByteBound.self)
        for count in most {
            #expect(!bytes.multipliedReportingOverflow(by: Int64(count)).overflow)
        }
    }

    @Test("Every number can be converted into the smallest unit of its kind")
    func units() {
        for (bound, factor) in [
            (largest(SecondsBound.self), Int64(1_000_000_000)),
            (largest(DurationBound.self), 1_000_000), (largest(CountBound.self), 86_400_000),
        ] {
            #expect(!bound.multipliedReportingOverflow(by: factor).overflow)
        }
    }
}
