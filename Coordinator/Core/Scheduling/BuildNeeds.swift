public import BuildProtocol
public import PackerKit
import TextKit

/// What a template asks of a host besides its `requirements`.
public struct BuildNeeds: Sendable, Hashable {
    public var packer: PackerNeeds?
    /// Why it can only run where KVM works, and what to do about it; `nil` if it need not, or if
    /// its requirements say so.
    public var accelerator: String?
    /// Names of secrets, of the host or the coordinator.
    public var secrets: Set<String>
    /// Those that the coordinator sends to agents that can take them.
    public var farmSecrets: Set<String>
    /// What is built, which not every secret may be for.
    public var guestOS: String

    public init(
        packer: PackerNeeds? = nil, accelerator: String? = nil, secrets: Set<String> = [],
        farmSecrets: Set<String> = [], guestOS: String = ""
    ) {
        self.packer = packer
        self.accelerator = accelerator
        self.secrets = secrets
        self.farmSecrets = farmSecrets
        self.guestOS = guestOS
    }

    public init(_ plan: BuildPlan, guestOS: String) {
        self.init(
            packer: plan.packer, accelerator: plan.acceleratorReason,
            secrets: plan.secrets, farmSecrets: Set(plan.farmSecrets ?? []), guestOS: guestOS)
    }

    /// What a host lacks; `nil` if it has everything, as far as it reports.
    func shortage(_ report: HostReport) -> String? {
        let takesSecrets = report.buildAbilities?.contains(BuildAbility.secrets.rawValue) ?? false
        let secrets = takesSecrets ? secrets.subtracting(farmSecrets) : secrets
        if let missing = secrets.subtracting(report.secrets ?? []).sorted().first {
            if farmSecrets.contains(missing) {
                return "cannot be sent the secret \(Names.quoted(missing)): upgrade its agent"
            }
            let hint = Suggestion.hint(for: missing, in: report.secrets ?? [])
            return "has no secret \(Names.quoted(missing))"
                + (hint
                    ?? ": add it for all hosts (aibuild secret add \(missing)), or under secrets "
                    + "in its agent.yml; a notice of the host names one that it cannot read")
        }
        let closed = secrets.filter { !report.allows(secret: $0, guestOS: guestOS) }
        if let closed = closed.min() {
            return "keeps the secret \(Names.quoted(closed)) from the guest OS "
                + "\(Names.quoted(guestOS)): add it under guest_oses of the secret in its agent.yml"
        }
        if let packer,
            let lack = packer.shortage(
                version: report.packerVersion, plugins: report.packerPlugins)
        {
            return "has \(lack)"
        }
        if let accelerator, !report.accelerators.contains(.kvm) {
            let has = report.accelerators.sorted().map(\.rawValue).joined(separator: ", ")
            return "has \(has.isEmpty ? "no accelerator" : has), but \(accelerator)"
        }
        return nil
    }

    /// Whether the host is ready and has everything, however busy it is.
    public func areMet(by host: HostView, _ requirements: Requirements) -> Bool {
        guard host.availability == .ready, let report = host.report else { return false }
        if let accelerator = requirements.accelerator,
            !report.accelerators.contains(accelerator)
        {
            return false
        }
        return shortage(report) == nil && requirements.tags.isSubset(of: report.tags)
    }

    /// Why no host can build it, if every host has reported and each lacks something. Hosts that
    /// are away may come back with more, and plugins may be on their way.
    public func refusal(_ hosts: [HostView]) -> String? {
        guard !hosts.isEmpty else { return nil }
        var reasons: [String] = []
        for host in hosts.sorted(by: { $0.name < $1.name }) {
            guard let report = host.expected, let lack = shortage(report) else { return nil }
            reasons.append("host \(host.name) \(lack)")
        }
        let shown = reasons.prefix(5).joined(separator: "; ")
        return "no host can build this template: " + shown
            + (reasons.count > 5 ? "; and \(reasons.count - 5) others" : "")
    }
}
