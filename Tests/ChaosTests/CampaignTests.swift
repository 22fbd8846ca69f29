//! ChaosTests: faults at random instants over a busy farm of real processes. A short campaign is
//! part of every test run; `make chaos` runs longer ones.

import Support
import TestSupport
import Testing

@Suite struct CampaignTests {
    @Test func nothingIsLostAndNothingIsDoneTwice() async throws {
        let settings = Settings.fromEnvironment()
        let server = try await MariaDBServer.start()
        let endpoint = try await server.makeDatabase()
        var setup = Farm.Setup()
        setup.hosts = 3
        setup.database = endpoint
        setup.hasNetworks = true
        setup.hasClocks = true
        setup.hostLostSeconds = settings.hostLostSeconds
        setup.webRootTmpfs = FaultTable.diskSize
        setup.logsTmpfs = FaultTable.diskSize
        setup.hostTmpfs = FaultTable.diskSize
        setup.gateScript = ReplayingGate.script
        try await Farm.run(setup) { farm in
            var campaign = Campaign(farm, server, endpoint, settings)
            let began = Clocks.monotonicMilliseconds()
            try await campaign.run(settings.faults) { settings.say($0) }
            let report = Report(
                settings: settings, tallies: campaign.tallies, builds: campaign.builds,
                seconds: (Clocks.monotonicMilliseconds() - began) / 1000)
            print(report.text)
            for finding in campaign.findings { print("FOUND \(finding)") }
            if settings.isWritten { try report.write() }
            #expect(campaign.findings.isEmpty, "seed \(settings.seed)\n\(farm.report)")
            #expect(campaign.tallies.values.allSatisfy { $0.isClean }, "seed \(settings.seed)")
        }
    }
}
