public import BuildProtocol

/// One failed attempt, as the retry policy sees it.
public struct AttemptFault: Sendable, Hashable {
    public var host: String
    public var fault: Fault

    public init(host: String, fault: Fault) {
        self.host = host
        self.fault = fault
    }
}

extension [AttemptFault] {
    /// The failed attempts of the build's current stage; each stage counts its own.
    ///
    /// - Parameter attempts: those of the build, oldest first.
    public init(_ attempts: [Attempt], of build: Build) {
        self = attempts.compactMap { attempt in
            guard attempt.stage == build.stage, let fault = attempt.outcome?.fault else {
                return nil
            }
            return AttemptFault(host: attempt.host, fault: fault)
        }
    }
}
