import BuildProtocol
import Testing

@Suite struct UntrustedNumbersTests {
    private func report(_ number: Int) -> HostReport {
        HostReport(
            slots: number, vcpus: number, memoryBytes: Int64(number),
            diskFreeBytes: Int64(number), diskTotalBytes: Int64(number), accelerators: [],
            tags: [], unixMilliseconds: Int64(number))
    }

    @Test("Sums over a thousand bounded reports do not overflow", arguments: [Int.min, -1, .max])
    func boundedReportsCanBeSummed(number: Int) {
        let bounded = report(number).bounded
        let numbers = [
            Int64(bounded.slots), Int64(bounded.vcpus), bounded.memoryBytes,
            bounded.diskFreeBytes, bounded.diskTotalBytes, bounded.unixMilliseconds,
        ]
        for number in numbers {
            #expect(number >= 0)
            #expect(!number.multipliedReportingOverflow(by: 1_000).overflow)
        }
    }

    @Test("An honest report is not changed")
    func honestReportsAreKept() {
        let honest = report(1 << 10)
        #expect(honest.bounded == honest)
    }
}
