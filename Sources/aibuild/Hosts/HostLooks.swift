import Support

/// What a machine is compared with that the coordinator says, after its script has run.
struct HostLooks {
    let api: APIClient
    let steps: HostSteps

    /// Clocks further apart make logs of two machines hard to read together.
    private static let clockSeconds: Int64 = 5
    /// Until the year 10000. The machine says what its clock is, and nobody vouches for it.
    private static let clocks: Range<Int64> = 0..<253_402_300_800

    func compareClock(_ setup: HostSetupAnswer) {
        guard let there = steps.facts("clock").last.flatMap({ Int64($0) }),
            Self.clocks.contains(there)
        else {
            return steps.show(.warning, "Its clock cannot be compared: it reports none")
        }
        let behind = setup.unixMilliseconds / 1000 - there
        // Asking the machine took a while since the coordinator answered.
        let elapsed = (Clocks.unixMilliseconds() - setup.askedMilliseconds) / 1000
        let difference = behind + elapsed
        guard abs(difference) > Self.clockSeconds else {
            return steps.show(.good, "Its clock is that of the coordinator")
        }
        steps.show(
            .warning,
            "Its clock is \(abs(difference)) s \(difference > 0 ? "behind" : "ahead of") the "
                + "coordinator's: check that NTP runs on both (timedatectl)")
    }

    /// The key by which the coordinator sees the machine, if the machine itself shows it.
    func hostKey(at address: String) async throws -> String {
        struct Scan: Encodable { var address: String }
        let found: ScanAnswer
        do {
            found = try APIClient.decode(
                ScanAnswer.self,
                try await api.send("POST", "/api/v1/hosts/scan", Scan(address: address)))
        } catch let error as CommandError {
            throw CommandError(
                error.code, "The coordinator cannot reach \(address): \(error.message)")
        }
        guard shows(found.hostKey) else {
            throw CommandError(
                .refused,
                "Host key mismatch: the coordinator sees \(SafeText.line(found.fingerprint)) at "
                    + "\(address), which is not a key of the machine that you are logged in on. "
                    + "It is another machine, or the connection is intercepted")
        }
        steps.show(
            .good,
            "The coordinator reaches it, and sees its key \(SafeText.line(found.fingerprint))")
        return found.hostKey
    }

    /// Whether the machine has this key.
    func shows(_ hostKey: String) -> Bool {
        let key = hostKey.split(separator: " ").prefix(2).joined(separator: " ")
        return steps.facts("key").contains(key)
    }
}
