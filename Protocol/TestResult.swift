/// The result of one test case.
public struct TestResult: Sendable, Hashable, Codable {
    public enum Verdict: String, Sendable, Codable {
        case passed, failed
        /// It could not be determined.
        case error
    }

    @BoundedText<WordBound> public var name: String
    public var result: Verdict
    @Bounded<DurationBound> public var milliseconds: Int64
    /// For people: what failed. Empty if it passed.
    @BoundedText<ReasonBound> public var detail: String
    /// Its part of the attempt's log, in bytes of the file.
    @Bounded<ByteBound> public var logFrom: Int64
    @Bounded<ByteBound> public var logTo: Int64

    public init(
        name: String, result: Verdict, milliseconds: Int64, detail: String = "", logFrom: Int64,
        logTo: Int64
    ) {
        self.name = name
        self.result = result
        self.milliseconds = milliseconds
        self.detail = detail.prefixOfUTF8(ProtocolLimits.reasonBytes)
        self.logFrom = logFrom
        self.logTo = logTo
    }
}
