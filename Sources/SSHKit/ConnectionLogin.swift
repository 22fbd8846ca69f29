import LoopKit

/// The handshake and the login.
extension SSHConnection {
    /// - Parameter hostKeyType: the only type of host key to accept; nil: any.
    func handshake(hostKeyType: String?, _ deadline: Deadline) async throws {
        try usable().restrict(toHostKeyType: hostKeyType)
        do {
            try await perform(deadline) { driver in try driver.handshake() }
        } catch is DeadlinePassed {
            throw SSHError.handshakeTimedOut(endpoint, options)
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError.handshakeCutOff(endpoint)
        } catch let failure as DriverFailure {
            throw try await handshakeError(failure, hostKeyType)
        }
    }

    private func handshakeError(
        _ failure: DriverFailure, _ hostKeyType: String?
    ) async throws -> SSHError {
        // Either end may be the first to see that there is no common algorithm: all that is
        // reported here may be that the host disconnected.
        if [.negotiation, .disconnected].contains(failure.kind) {
            let driver = try usable()
            let probe = HandshakeProbe(
                endpoint: endpoint, loop: loop, library: driver.library, upgrade: driver.upgrade)
            let algorithms = AlgorithmKind.allCases.map { ($0, driver.algorithms($0)) }
            let reason = try await probe.explain(
                supported: Dictionary(uniqueKeysWithValues: algorithms), hostKeyType: hostKeyType)
            if let reason { return reason }
        }
        return switch failure.kind {
        case .notSSH: .notSSH(endpoint)
        case .disconnected: .handshakeCutOff(endpoint)
        default: .handshakeFailed(endpoint, failure.cause)
        }
    }

    func hostKey() throws(SSHError) -> SSHHostKey { try usable().hostKey() }

    func check(_ expected: SSHHostKey) throws(SSHError) {
        let shown = try hostKey()
        guard shown.blob == expected.blob else {
            throw SSHError.hostKeyChanged(endpoint, shown: shown, expected: expected)
        }
    }

    func authenticate(_ identity: SSHIdentity, _ deadline: Deadline) async throws {
        do {
            do {
                try await logIn(identity, deadline)
            } catch let failure as DriverFailure {
                throw error(failure, .protocolViolated, "the login failed")
            }
        } catch is DeadlinePassed {
            throw SSHError.loginTimedOut(endpoint, options)
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError.loginCutOff(endpoint)
        }
    }

    private func logIn(_ identity: SSHIdentity, _ deadline: Deadline) async throws {
        let offered = try await perform(deadline) { driver in try driver.offeredMethods() }
        guard offered.split(separator: ",").contains("publickey") else {
            throw SSHError.noLoginByKey(endpoint, offered: offered)
        }
        switch identity {
        case .keyFile(let path, let passphrase):
            let key = try await KeyFile.read(path, loop: loop, deadline)
            guard try await logIn(with: key, passphrase, deadline) else {
                throw try refused(key.summary, isRSA: key.isRSA, offered)
            }
        case .agent(let socketPath):
            let (agent, identities) = try await AgentClient.open(
                socketPath: socketPath, loop: loop)
            defer { agent.close() }
            guard
                try await usable().logIn(with: identities, of: agent, on: self, deadline)
            else {
                let tried = identities.map(\.summary)
                throw try refused(
                    "the keys of the ssh-agent (\(tried.joined(separator: ", ")))",
                    isRSA: tried.allSatisfy { $0.hasPrefix("ssh-rsa") }, offered)
            }
        }
    }

    private func logIn(
        with key: KeyFile, _ passphrase: String?, _ deadline: Deadline
    ) async throws -> Bool {
        guard !key.isEncrypted || passphrase?.isEmpty == false else {
            throw SSHError.passphraseMissing(key)
        }
        do {
            return try await perform(deadline) { driver in try driver.logIn(with: key, passphrase) }
        } catch let failure as DriverFailure where failure.kind == .key {
            throw SSHError.keyUnreadable(key, failure.cause)
        }
    }

    private func refused(
        _ keys: String, isRSA: Bool, _ offered: String
    ) throws(SSHError) -> SSHError {
        SSHError.loginRefused(
            endpoint, keys: keys, offered: offered,
            remedy: isRSA ? try usable().rsaRemedy : nil)
    }
}

extension [UInt8] {
    /// The bytes with a trailing NUL.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { raw in
            raw.withMemoryRebound(to: CChar.self) { text in
                // There is at least the NUL.
                text.baseAddress.map(body) ?? body([0])
            }
        }
    }
}
