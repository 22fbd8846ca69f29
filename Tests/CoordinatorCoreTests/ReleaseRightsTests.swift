import CoordinatorCore
import FoundationEssentials
import Testing

/// What may be released where, and under which name.
@Suite("Release rights") struct ReleaseRightsTests {
    private static let openstack = EnvironmentSettings.openstack(
        OpenStackSettings(authURL: "http://k", project: "p", username: "u"))
    private static let registry = EnvironmentSettings.registry(
        RegistrySettings(url: "https://r", repository: "images/{guestos}"))
    private static let sharedRegistry = EnvironmentSettings.registry(
        RegistrySettings(url: "https://r", repository: "images"))
    private static let docker = EnvironmentSettings.docker(
        DockerSettings(hosts: [], repository: "r.example.org/{guestos}"))

    private static func lab(
        _ settings: EnvironmentSettings = openstack, _ policy: ReleasePolicy = ReleasePolicy()
    ) -> ReleaseEnvironment {
        ReleaseEnvironment(
            id: "e", name: "lab", settings: settings, policy: policy, createdMilliseconds: 0)
    }

    private static func policy(
        _ guestOSes: [String] = ["*"], images: [String] = [], approval: Bool = false
    ) -> ReleasePolicy {
        ReleasePolicy(
            guestOSes: guestOSes.map(NamePattern.init), images: images.map(NamePattern.init),
            needsApproval: approval)
    }

    @Test(
        "A pattern matches whole names, byte by byte",
        arguments: [
            ("*", "debian", true), ("*", "", true), ("debian", "debian", true),
            ("debian", "debian12", false), ("debian", "Debian", false), ("debian*", "debian", true),
            ("debian*", "my-debian", false), ("*-server", "debian-server", true),
            ("*-server", "debian-servers", false), ("a*b*c", "a-b-c", true),
            ("a*b*c", "abc", true), ("a*b*c", "acb", false), ("aa*aa", "aaa", false),
            ("a**b", "ab", true), ("{guestos}-*", "debian12-server", true),
            ("{guestos}-*", "debian-server", false), ("x{guestos}", "xdebian12", true),
            ("{guestos}", "{guestos}", false), ("de*", "de\u{0301}bian", true),
            ("e", "e\u{0301}", false), ("é", "e\u{0301}", false),
        ])
    func patterns(pattern: String, name: String, isMatch: Bool) {
        #expect(NamePattern(pattern).matches(name, guestOS: "debian12") == isMatch)
    }

    @Test("A star in the name of a guest OS stands for itself")
    func literalGuestOS() {
        #expect(!NamePattern("{guestos}").matches("centos7", guestOS: "*"))
        #expect(NamePattern("{guestos}").matches("*", guestOS: "*"))
    }

    private static let refusals:
        [(policy: ReleasePolicy, settings: EnvironmentSettings, plan: ReleasePlan, why: String?)] =
            [
                // By default every guest OS has its own name, and no other.
                (policy(), openstack, ReleasePlan(), nil),
                (policy(), openstack, ReleasePlan(name: "debian12x86_64"), nil),
                (
                    policy(), openstack, ReleasePlan(name: "centos7x86_64"),
                    "environment lab takes no image named 'centos7x86_64' of guest OS debian12 "
                        + "(release: name in aibuild.yml): its policy allows images "
                        + "debian12x86_64. To allow it: aibuild env change lab "
                        + "--image 'centos7x86_64'"
                ),
                (
                    policy(images: ["{guestos}-*", "gold"]), openstack,
                    ReleasePlan(name: "centos7-x"),
                    "its policy allows images debian12x86_64, {guestos}-*, gold. To allow it: "
                        + "aibuild env change lab --image '{guestos}-*' --image 'gold' "
                        + "--image 'centos7-x'"
                ),
                (policy(images: ["{guestos}-*"]), openstack, ReleasePlan(name: "debian12-x"), nil),
                (policy(images: ["gold"]), openstack, ReleasePlan(name: "gold"), nil),
                (policy(images: ["gold"]), openstack, ReleasePlan(), nil),
                (ReleasePolicy.unrestricted, openstack, ReleasePlan(name: "anything at all"), nil),
                (
                    ReleasePolicy.unrestricted, openstack,
                    ReleasePlan(name: String(repeating: "n", count: 513)), "has more than 512 bytes"
                ),
                // The guest OS.
                (policy(["debian*"]), openstack, ReleasePlan(), nil),
                (
                    policy(["centos*", "rocky9"]), openstack, ReleasePlan(),
                    "environment lab takes no image of guest OS 'debian12': its policy allows "
                        + "guest OSes centos*, rocky9. To allow it: aibuild env change lab "
                        + "--guestos 'centos*' --guestos 'rocky9' --guestos 'debian12'"
                ),
                (policy(["centos*"]), registry, ReleasePlan(), "allows guest OSes centos*"),
                // In a registry the template chooses nothing.
                (policy(), registry, ReleasePlan(name: "centos7"), nil),
                // On Docker hosts it can choose any image.
                (policy(), docker, ReleasePlan(name: "centos7"), nil),
                (
                    policy(), docker, ReleasePlan(properties: ["docker_image": "evil/miner"]),
                    "(release: properties: docker_image in aibuild.yml): its policy allows "
                        + "images r.example.org/debian12."
                ),
                (
                    policy(images: ["r.example.org/*"]), docker,
                    ReleasePlan(properties: ["docker_image": "r.example.org/base:1"]), nil
                ),
            ]

    @Test("What the policy does not allow is refused with the field, what was asked and allowed")
    func refusals() {
        for (index, row) in Self.refusals.enumerated() {
            let rights = ReleaseRights(
                Self.lab(row.settings, row.policy), guestOS: "debian12", plan: row.plan)
            // That a person requests it changes nothing.
            for isAgreed in [true, false] {
                switch (rights.verdict(isAgreed: isAgreed), row.why) {
                case (.allowed, nil): break
                case (.refused(let why), let expected?):
                    #expect(why.contains(expected), "row \(index)")
                case (let verdict, _): Issue.record("row \(index): \(verdict)")
                }
            }
        }
    }

    @Test("A name belongs to one guest OS in each environment")
    func owners() {
        func verdict(
            _ settings: EnvironmentSettings, _ plan: ReleasePlan?, owner: String?
        ) -> ReleaseRights.Verdict {
            ReleaseRights(
                Self.lab(settings, .unrestricted), guestOS: "debian12", plan: plan, owner: owner
            ).verdict(isAgreed: true)
        }
        let gold = ReleasePlan(name: "gold")
        #expect(verdict(Self.openstack, gold, owner: nil) == .allowed)
        #expect(verdict(Self.openstack, gold, owner: "debian12") == .allowed)
        #expect(
            verdict(Self.openstack, gold, owner: "centos7")
                == .refused(
                    "the image name 'gold' in environment lab belongs to guest OS centos7, so "
                        + "debian12 cannot release under it. To give it away: "
                        + "aibuild env give lab gold --guestos debian12"))
        // Its own name as well: names of repositories ignore the case.
        for settings in [Self.openstack, Self.registry] {
            guard case .refused = verdict(settings, nil, owner: "Debian12") else {
                Issue.record("\(settings)")
                continue
            }
        }
        // Whoever registered these gave one name to all.
        #expect(verdict(Self.sharedRegistry, nil, owner: "centos7") == .allowed)
        #expect(verdict(Self.docker, nil, owner: "centos7") == .allowed)
    }

    @Test("A person must agree only if the environment says so")
    func approval() {
        for (needsApproval, isAgreed, expected) in [
            (false, false, ReleaseRights.Verdict.allowed), (false, true, .allowed),
            (true, true, .allowed), (true, false, .needsApproval),
        ] {
            let rights = ReleaseRights(
                Self.lab(Self.openstack, Self.policy(approval: needsApproval)),
                guestOS: "debian12", plan: nil)
            #expect(rights.verdict(isAgreed: isAgreed) == expected)
        }
    }

    @Test(
        "A name in Glance tells whose own name it is",
        arguments: [
            ("centos7x86_64", "centos7"), ("x86_64", nil), ("centos7", nil),
            ("centos7x86_64 ", nil), ("e\u{0301}x86_64", "e\u{0301}"),
        ])
    func ownNames(name: String, guestOS: String?) {
        #expect(ReleasedImage.guestOS(ofGlanceName: name) == guestOS)
    }

    @Test("A claim takes only a name that is free or the guest OS's own")
    func claims() {
        func name(_ guestOS: String, _ release: String?) -> ReleaseName {
            ReleaseName(environment: "lab", name: "gold", guestOS: guestOS, claimedBy: release)
        }
        let claim = name("debian12", "r2")
        #expect(claim.claiming(nil) == claim)
        #expect(claim.claiming(name("debian12", "r1")) == claim)
        for known in [name("debian12", nil), name("centos7", "r1"), name("centos7", nil)] {
            #expect(claim.claiming(known) == known)
        }
    }

    @Test("Fields that a request leaves out keep their values")
    func policyChange() throws {
        let old = Self.policy(["a"], images: ["b"], approval: true)
        func changed(_ json: String) throws -> ReleasePolicy {
            try JSONDecoder().decode(ReleasePolicyChange.self, from: Data(json.utf8))
                .applied(to: old)
        }
        #expect(try changed("{}") == old)
        #expect(
            try changed(#"{"guestos":["x*"]}"#)
                == Self.policy(["x*"], images: ["b"], approval: true))
        #expect(
            try changed(#"{"images":[],"approval":false}"#) == Self.policy(["a"], approval: false))
        #expect(throws: DecodingError.self) { try changed(#"{"guestos":"x"}"#) }
    }

    @Test(
        "A policy that cannot be meant is refused",
        arguments: [
            (policy([]), "guestos is empty"), (policy([""]), "guestos contains ''"),
            (policy(images: ["a\nb"]), "images contains 'a"),
            (policy(["debian*,rocky9"]), "no guest OS can match"),
            (policy(["{guestos}"]), "no guest OS can match"),
            (policy(images: ["{guest}-*"]), "the only placeholder is {guestos}"),
            (policy(images: ["{guestos"]), "the only placeholder is {guestos}"),
            (policy(images: [String(repeating: "x", count: 256)]), "1 to 255 bytes"),
            (
                policy(Array(repeating: "x", count: 201)), "guestos has more than 200 patterns"
            ),
        ])
    func problems(policy: ReleasePolicy, why: String) {
        #expect(Self.lab(Self.openstack, policy).problem?.contains(why) == true)
        #expect(Self.lab(Self.openstack, Self.policy()).problem == nil)
        #expect(Self.lab(Self.openstack, .unrestricted).problem == nil)
    }
}
