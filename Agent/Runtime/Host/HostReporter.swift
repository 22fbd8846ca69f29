import AgentCore
import BuildProtocol
import Support

/// Reports of this host for coordinators.
struct HostReporter: Sendable {
    let configuration: AgentConfiguration

    func report(_ probe: HostProbe, running: [Requirements]) -> HostReport {
        let secrets = HostSecretFile.usable(among: configuration.secrets)
        let limited = configuration.secrets.filter { $0.value.guestOSes != ["*"] }
            .mapValues(\.guestOSes)
        let room = (try? Files.room(configuration.stateFolder)) ?? (free: 0, total: 0)
        return HostReport(
            slots: probe.isolationProblem == nil
                ? configuration.slots ?? max(1, HostFacts.vcpus() / 2) : 0,
            vcpus: configuration.vcpus ?? HostFacts.vcpus(),
            memoryBytes: configuration.memoryBytes ?? HostFacts.memoryBytes(),
            diskFreeBytes: Admission.diskFree(freeBytes: room.free, running: running),
            diskTotalBytes: room.total, accelerators: probe.accelerators,
            tags: configuration.tags,
            baseImages: Array(
                BaseImageCache(state: configuration.state).digests()
                    .prefix(ProtocolLimits.listedDigests)),
            packerVersion: probe.packerVersion, qemuVersion: probe.qemuVersion,
            runsTests: probe.qemuVersion != nil && !probe.accelerators.isEmpty
                && HostFacts.hasPrograms([configuration.qemuImg, "ssh"], configuration.searchPath),
            testAbilities: TestAbility.allCases.filter {
                $0 != .uefi || HostFacts.firmware(configuration.ovmfFolder) != nil
            }.map(\.rawValue).sorted(),
            buildAbilities: BuildAbility.allCases.map(\.rawValue).sorted(),
            packerPlugins: PackerPluginFolder.versions(configuration.packerPluginFolder),
            // A folder that agent.yml names is the administrator's alone.
            pluginPlatform: configuration.packerPlugins == nil ? AgentPlatform.plugins : nil,
            secrets: configuration.secrets.isEmpty ? nil : secrets.names,
            secretGuestOSes: limited.isEmpty ? nil : limited,
            unixMilliseconds: Clocks.unixMilliseconds(),
            notices: probe.notices + secrets.notices)
    }

    /// Whether a change is worth sending.
    static func isNotable(from old: HostReport, to new: HostReport) -> Bool {
        var same = new
        same.unixMilliseconds = old.unixMilliseconds
        if abs(new.diskFreeBytes - old.diskFreeBytes) < AgentLimits.notableDiskBytes {
            same.diskFreeBytes = old.diskFreeBytes
        }
        return same != old
    }
}
