import BuildProtocol
import CoordinatorCore
import PackerKit
import Testing

/// What a template asks of a host: placement takes account of it, and a farm without it is refused.
@Suite struct BuildNeedsTests {
    private let plugins: PackerNeeds = {
        var needs = PackerNeeds()
        needs.versions.append(
            PackerNeeds.Version(
                constraint: ">= 1.7.0", reason: "required_plugins",
                place: SourcePlace(file: "guest.pkr.hcl", position: "3:3")))
        return needs
    }()

    private let kvm =
        "the template asks for kvm (a.json:3:5): use {{user `accelerator`}} there"

    private func machine(
        _ name: String, packer: String? = "1.6.6", accelerators: Set<Accelerator> = [.tcg],
        abilities: [String]? = nil
    ) -> HostView {
        var view = host(name, slots: 1)
        view.report?.packerVersion = packer
        view.report?.accelerators = accelerators
        view.report?.buildAbilities = abilities
        return view
    }

    private func build(_ needs: BuildNeeds) -> QueuedBuild {
        var build = queued("q")
        build.needs = needs
        return build
    }

    @Test("A build waits for the host whose Packer is new enough, and passes others by")
    func newerPacker() {
        let needs = build(BuildNeeds(packer: plugins))
        #expect(world([machine("a"), machine("b", packer: "1.9.4")], [needs]).starts == ["q@b"])
        var away = machine("b", packer: "1.9.4")
        away.availability = .drained
        #expect(world([machine("a"), away], [needs]).starts == [])
    }

    @Test("A template of any Packer passes hosts without one by, and is refused by a farm of them")
    func withoutPacker() {
        let needs = BuildNeeds(packer: PackerNeeds())
        let hosts = [machine("a", packer: nil), machine("b")]
        #expect(world(hosts, [build(needs)]).starts == ["q@b"])
        #expect(
            needs.refusal([machine("a", packer: nil)])
                == "no host can build this template: host a has no Packer")
    }

    @Test("A farm of older Packers is refused, with the host's version and the needed one")
    func olderPackers() {
        let needs = BuildNeeds(packer: plugins)
        #expect(
            needs.refusal([machine("a")])
                == "no host can build this template: host a has Packer 1.6.6; the template needs "
                + ">= 1.7.0 (required_plugins, guest.pkr.hcl:3:3)")
        #expect(needs.refusal([machine("a"), machine("b", packer: "1.7.0")]) == nil)
        #expect(needs.refusal([]) == nil)
        var unknown = machine("b")
        unknown.report = nil
        #expect(needs.refusal([machine("a"), unknown]) == nil)
    }

    @Test("A template waits for a plugin that the coordinator hands out, and is refused without")
    func handedOut() {
        var packer = PackerNeeds()
        packer.plugins.append(
            PackerNeeds.Plugin(
                source: "github.com/hashicorp/qemu", constraint: ">= 1.1.0",
                place: SourcePlace(file: "guest.pkr.hcl", position: "4:5")))
        let needs = BuildNeeds(packer: packer)
        var hosts = [machine("a", packer: "1.11.2"), machine("b", packer: "1.11.2")]
        for index in hosts.indices { hosts[index].report?.packerPlugins = [:] }
        #expect(needs.refusal(hosts) != nil)
        #expect(!world(hosts, [build(needs)]).failures.isEmpty)

        hosts[1].handedOut = ["github.com/hashicorp/qemu": ["1.0.9"]]
        #expect(needs.refusal(hosts) != nil, "the version does not fit")
        hosts[1].handedOut = ["github.com/hashicorp/qemu": ["1.0.9", "1.1.0"]]
        #expect(needs.refusal(hosts) == nil)
        let waiting = world(hosts, [build(needs)])
        #expect(waiting.starts == [] && waiting.failures.isEmpty)
        let why = Scheduler.explain(waiting).first?.waiting
        #expect(why?.summary == "no host has the plugins yet that the coordinator hands out")
        #expect(why?.hosts.last?.reason.hasSuffix("; the coordinator hands it out") == true)
        #expect(why?.hosts.first?.reason.contains("hands it out") == false)

        hosts[1].report?.packerPlugins = ["github.com/hashicorp/qemu": ["1.1.0"]]
        #expect(world(hosts, [build(needs)]).starts == ["q@b"])
    }

    @Test("A template that asks for kvm goes where KVM works, or is refused")
    func accelerator() {
        let needs = BuildNeeds(accelerator: kvm)
        let both = [machine("a"), machine("b", accelerators: [.kvm, .tcg])]
        #expect(world(both, [build(needs)]).starts == ["q@b"])
        #expect(
            needs.refusal([machine("a")])
                == "no host can build this template: host a has tcg, but \(kvm)")
        #expect(needs.refusal(both) == nil)
    }

    @Test("A build goes where its secrets are, or is refused with the name of the missing one")
    func secrets() {
        let needs = BuildNeeds(secrets: ["cloud"])
        var other = machine("b")
        other.report?.secrets = ["cloud", "more"]
        #expect(world([machine("a"), other], [build(needs)]).starts == ["q@b"])
        #expect(
            needs.refusal([machine("a")])
                == "no host can build this template: host a has no secret 'cloud': add it for "
                + "all hosts (aibuild secret add cloud), or under secrets in its agent.yml; a "
                + "notice of the host names one that it cannot read")
        #expect(
            BuildNeeds(secrets: ["clouds"]).refusal([other])?
                .hasSuffix("host b has no secret 'clouds'; did you mean 'cloud'?") == true)
    }

    @Test("A secret of the coordinator is on every host whose agent can take it")
    func sentSecrets() {
        let needs = BuildNeeds(secrets: ["cloud", "token"], farmSecrets: ["cloud"])
        var able = machine("b", abilities: ["secrets"])
        var old = machine("a")
        #expect(needs.refusal([able])?.contains("has no secret 'token'") == true)
        able.report?.secrets = ["token"]
        old.report?.secrets = ["token"]
        #expect(world([old, able], [build(needs)]).starts == ["q@b"])
        #expect(
            needs.refusal([old]) == "no host can build this template: host a cannot be sent the "
                + "secret 'cloud': upgrade its agent")
        // A host that has them all itself needs no such agent.
        old.report?.secrets = ["cloud", "token"]
        #expect(needs.refusal([old]) == nil)
        // What the host keeps from the guest OS, the coordinator may send.
        able.report?.secrets = ["cloud", "token"]
        able.report?.secretGuestOSes = ["cloud": ["other"]]
        #expect(needs.refusal([able]) == nil)
    }

    @Test("A build goes where its secret is for its guest OS, or is refused with what to change")
    func closedSecrets() {
        let needs = BuildNeeds(secrets: ["cloud"], guestOS: "debian12")
        var (closed, open) = (machine("a"), machine("b"))
        closed.report?.secrets = ["cloud"]
        closed.report?.secretGuestOSes = ["cloud": ["rocky*"]]
        open.report?.secrets = ["cloud"]
        open.report?.secretGuestOSes = ["cloud": ["rocky*", "debian*"], "other": ["x"]]
        #expect(world([closed, open], [build(needs)]).starts == ["q@b"])
        #expect(
            needs.refusal([closed])
                == "no host can build this template: host a keeps the secret 'cloud' from the "
                + "guest OS 'debian12': add it under guest_oses of the secret in its agent.yml")
    }

    @Test("A recipe with options is not sent to an agent that would ignore them")
    func abilities() {
        var build = queued("q")
        build.buildAbilities = [.packerOptions]
        let new = machine("b", abilities: ["packer-options", "of a later day"])
        #expect(world([machine("a"), new], [build]).starts == ["q@b"])
    }
}
