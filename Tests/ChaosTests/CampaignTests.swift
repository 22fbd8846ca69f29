//! ChaosTests: faults at random instants over a busy farm of real processes. A short campaign is
//! part of every test run; `make chaos` runs longer ones.

import Support
import TestSupport
import Testing

@Suite struct CampaignTests {
    @Test("A campaign of faults loses nothing and does nothing twice")
    func campaignIsClean() async throws {
        let settings = Settings.fromEnvironment()
        let server = try await MariaDBServer.start()
        let endpoint = try await server.makeDatabase()
        let setup = Farm.Setup {
            $0.hosts = 3
            $0.database = endpoint
            $0.hasNetworks = true
            $0.hasClocks = true
            $0.hostLostSeconds = settings.hostLostSeconds
            $0.webRootTmpfs = FaultTable.diskSize
            $0.logsTmpfs = FaultTable.diskSize
            $0.hostTmpfs = FaultTable.diskSize
            $0.gateScript = ReplayingGate.script
        }
        try await withFarm(setup) { farm in
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
