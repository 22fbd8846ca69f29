import BuildProtocol
import CoordinatorCore
import Support

/// What the farm builds.
enum Catalog {
    struct Image {
        var name, distro, version, owner: String
        /// Builds a day, and how long one takes.
        var perDay, minutes: Int
        var sizeBytes: Int64
    }

    static let images: [Image] = {
        let systems = [
            ("debian", "Debian", ["11", "12", "13"], 900),
            ("ubuntu", "Ubuntu", ["2204", "2404"], 1100),
            ("rocky", "Rocky Linux", ["8", "9"], 1400), ("alma", "AlmaLinux", ["9"], 1350),
            ("fedora", "Fedora", ["41", "42"], 1250),
            ("windows", "Windows", ["2019", "2022"], 9400),
        ]
        let kinds = [("", 0, "platform"), ("-k8s", 6, "containers"), ("-gpu", 11, "research")]
        return systems.flatMap { system, distro, versions, megabytes in
            versions.flatMap { version in
                kinds.map { kind, minutes, owner in
                    Image(
                        name: system + version + kind, distro: distro, version: version,
                        owner: owner, perDay: kind.isEmpty ? 12 : 6,
                        minutes: (system == "windows" ? 38 : 7) + minutes,
                        sizeBytes: Int64(megabytes + minutes * 90) << 20)
                }
            }
        }
    }()

    static func guestOS(_ image: Image, createdMilliseconds: Int64) -> GuestOS {
        GuestOS(
            id: "os-" + image.name, name: image.name,
            type: image.distro == "Windows" ? .windows : .linux, distro: image.distro,
            version: image.version, baseISO: "",
            template: .git(url: "https://git.example.org/images/\(image.name).git", ref: "main"),
            owner: image.owner, createdMilliseconds: createdMilliseconds)
    }

    static func plan(_ name: String) -> BuildPlan {
        let digest = SHA256.hex(name.utf8)
        return BuildPlan(
            template: TemplateArchive(sha256: digest, sizeBytes: 20_480),
            commit: String(digest.prefix(40)),
            recipe: BuildRecipe(builder: .packer(template: "image.pkr.hcl")),
            requirements: Requirements(vcpus: 2, memoryBytes: 2 << 30, diskBytes: 12 << 30),
            limits: AttemptLimits())
    }

    static func hosts(createdMilliseconds: Int64) -> [Host] {
        (1...40).map { number in
            let name = "kvm" + (number < 10 ? "0\(number)" : "\(number)")
            var host = Host(
                name: name, address: "aibuild@\(name).example.org:22",
                hostKey: "ssh-ed25519 AAAAdemo\(number)", createdMilliseconds: createdMilliseconds)
            if number == 12 {
                host.drain = HostDrain(note: "new disks")
            }
            return host
        }
    }

    /// First errors, as templates, mirrors and hosts give them.
    static let faults: [Fault] = [
        Fault(
            .template, .packerFailed,
            "Packer's provisioner 2 (shell) failed: E: Unable to locate package nvidia-driver-580"),
        Fault(
            .template, .packerFailed,
            "Packer's provisioner 1 (shell) failed: curl: (22) The requested URL returned error: "
                + "404"
        ),
        Fault(.template, .testFailed, "the test 'cloud-init is done' failed: status: error"),
        Fault(.infrastructure, .diskFull, "no space is left on the host's disk"),
    ]

    /// As people read it: with its place in the log.
    static func fault(_ index: Int) -> Fault {
        let known = faults[index]
        return Fault(
            known.class, known.code, "\(known.reason) (line \(DemoLog.errorLine) of the log)")
    }
}
