/// The handshake of a connection, which ends with a host key that may be trusted.
struct Handshake {
    /// The key by which the host is known; nil: any is accepted.
    var expected: SSHHostKey?
    var deadline: Deadline

    /// Returns the key that the host showed.
    /// - Throws: `SSHError`; `CancellationError`.
    func run(on connection: isolated SSHConnection) async throws -> SSHHostKey {
        let endpoint = connection.endpoint
        try connection.usable().restrict(toHostKeyType: expected?.type)
        do {
            try await connection.perform(deadline) { driver in try driver.handshake() }
        } catch is DeadlinePassed {
            throw SSHError.handshakeTimedOut(endpoint, connection.options)
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError.handshakeCutOff(endpoint)
        } catch let failure as DriverFailure {
            throw try await error(failure, connection)
        }
        let shown = try connection.usable().hostKey()
        if let expected, shown.blob != expected.blob {
            throw SSHError.hostKeyChanged(endpoint, shown: shown, expected: expected)
        }
        return shown
    }

    private func error(
        _ failure: DriverFailure, _ connection: isolated SSHConnection
    ) async throws -> SSHError {
        let endpoint = connection.endpoint
        // Either end may be the first to see that there is no common algorithm: all that is
        // reported here may be that the host disconnected.
        if [.negotiation, .disconnected].contains(failure.kind) {
            let driver = try connection.usable()
            let probe = HandshakeProbe(
                endpoint: endpoint, loop: connection.loop, library: driver.library,
                upgrade: driver.upgrade)
            let algorithms = AlgorithmKind.allCases.map { ($0, driver.algorithms($0)) }
            let reason = try await probe.explain(
                supported: Dictionary(uniqueKeysWithValues: algorithms),
                hostKeyType: expected?.type)
            if let reason { return reason }
        }
        return switch failure.kind {
        case .notSSH: .notSSH(endpoint)
        case .disconnected: .handshakeCutOff(endpoint)
        default: .handshakeFailed(endpoint, failure.cause)
        }
    }
}
