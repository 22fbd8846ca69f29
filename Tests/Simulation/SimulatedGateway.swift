import BuildProtocol
import CoordinatorCore

/// The way of one coordinator process to the hosts.
struct SimulatedGateway: HostGateway {
    let gate: Gate
    private var simulation: Simulation { gate.simulation }

    init(gate: Gate) { self.gate = gate }

    func checked(_ host: Host) throws -> Host {
        if host.hostKey.isEmpty { throw HostFault(.refused, "host \(host.name): no host key") }
        return host
    }

    func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        try await gate.effect(on: .hosts) {
            if simulation.strikes(.openHangs) { try await hang(5_000) }
            if simulation.strikes(.openRefused) {
                throw HostFault(.unreachable, "host \(host.name): connection refused")
            }
            return try await simulation.fleet.agent(host).open(epoch: epoch, life: gate.life)
        }
    }

    func deliver(_ template: TemplateArchive, to host: Host) async throws {
        try await gate.effect(on: .hosts) {
            if simulation.strikes(.deliveryFails) {
                throw HostFault(.unreachable, "host \(host.name): the delivery broke")
            }
            try await simulation.fleet.agent(host).receive(template)
        }
    }

    func check(_ start: Start, on host: Host) async throws -> Fault? {
        try await gate.effect(on: .hosts) { nil }
    }

    func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64,
        into sink: @escaping @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws {
        try await gate.effect(on: .hosts) {
            if simulation.strikes(.transferStalls) { try await hang(.max) }
            let image = try await simulation.fleet.agent(host).image(attempt)
            guard offset >= 0, length > 0, offset + length <= image.count else {
                throw HostFault(.refused, "host \(host.name): \(artifact.name) is shorter")
            }
            var bytes = Array(image[Int(offset)..<Int(offset + length)])
            if simulation.strikes(.transferLies) { bytes[0] ^= 1 }
            let half = simulation.strikes(.transferBreaks) ? bytes.count / 2 : bytes.count
            try gate.life.step()
            try await sink(offset, Array(bytes[..<half]))
            if half < bytes.count {
                throw HostFault(.unreachable, "host \(host.name): the transfer broke")
            }
        }
    }

    func scanHostKey(_ address: String) async throws -> HostKey {
        HostKey(key: "ssh-ed25519 AAAA", fingerprint: "SHA256:x")
    }

    /// Ends early only when the task is cancelled.
    private func hang(_ milliseconds: Int64) async throws {
        let now = simulation.clock.monotonicMilliseconds()
        let (until, overflows) = now.addingReportingOverflow(milliseconds)
        try await simulation.clock.sleep(
            untilMonotonicMilliseconds: overflows ? .max : until)
        throw HostFault(.unreachable, "nobody answers")
    }
}
