struct EnvironmentAnswer: Decodable {
    struct Finding: Decodable { var level, text: String }

    struct DockerHost: Codable {
        var name, url, certificates, container: String
    }

    /// Of all kinds; each kind omits the fields it does not have.
    struct Settings: Codable {
        var authURL, userDomain, projectDomain, project, username, region, interface: String?
        var authentication, applicationCredential, imageURL: String?
        var userDomainID, projectDomainID, projectID: String?
        var caFile, format, visibility: String?
        var members: [String]?
        var keep, healthSeconds, settleSeconds: Int?
        var hook, url, repository, tag, registry: String?
        var hosts: [DockerHost]?
    }

    struct KindSettings: Decodable {
        var openstack, docker, registry: Settings?

        /// Its location in a few words.
        var place: String {
            if let openstack {
                let region = openstack.region.map { $0.isEmpty ? "" : ", region \($0)" } ?? ""
                let names = [
                    openstack.project, openstack.projectID,
                    openstack.applicationCredential.map { "application credential \($0)" },
                ]
                let project = names.compactMap(\.self).first { !$0.isEmpty }
                return "\(project ?? "?") at \(openstack.authURL ?? "?")\(region)"
            }
            if let docker {
                let names = (docker.hosts ?? []).map(\.name).joined(separator: ", ")
                return "\(docker.repository ?? "?") on \(names)"
            }
            return "\(registry?.url ?? "?")/\(registry?.repository ?? "")"
        }
    }

    struct Policy: Decodable {
        var guestos, images: [String]
        var approval: Bool

        /// In a few words.
        var summary: String {
            [
                guestos == ["*"] ? nil : "guestos \(guestos.joined(separator: ", "))",
                images.isEmpty ? nil : "images \(images.joined(separator: ", "))",
                approval ? "approval required" : nil,
            ].compactMap(\.self).joined(separator: "; ")
        }
    }

    var name, kind: String
    var createdAt: String?
    var settings: KindSettings
    var policy: Policy?
    var secretName: String?
    var findings: [Finding]?
    var passwordLost: Bool?
}

/// Which guest OS owns an image name in an environment.
struct ReleaseNameAnswer: Decodable {
    var name, guestOS: String
}
