import BuildProtocol

/// Why the gate refuses a command, for the coordinator.
struct GateRefusal: Error {
    var code: ErrorReport.Code
    var message: String
}
