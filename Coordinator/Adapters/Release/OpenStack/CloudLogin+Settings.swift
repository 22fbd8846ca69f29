import CoordinatorCore
import OpenStackKit

extension CloudLogin {
    init(_ settings: OpenStackSettings, _ secret: Secret) {
        let credential: Credential =
            switch settings.authentication {
            case .password:
                .password(
                    secret.reveal, user: settings.username,
                    domain: Domain(settings.userDomain, id: settings.userDomainID))
            case .applicationCredential:
                .application(id: settings.applicationCredential ?? "", secret: secret.reveal)
            case .token: .token(secret.reveal)
            }
        let project: Project =
            if let id = settings.projectID {
                .id(id)
            } else if settings.project.isEmpty {
                .ofCredential
            } else {
                .name(
                    settings.project,
                    domain: Domain(settings.projectDomain, id: settings.projectDomainID))
            }
        self.init(authURL: settings.authURL, credential, project: project)
        region = settings.region.isEmpty ? nil : settings.region
        interface = Interface(rawValue: settings.interface.rawValue) ?? .public
        imageURL = settings.imageURL
    }
}

extension CloudLogin.Domain {
    fileprivate init(_ name: String, id: String?) {
        self = id.map { .id($0) } ?? .name(name)
    }
}

extension OpenStackSettings {
    /// The login as the variables that OpenStack's own tools read.
    func variables(_ secret: Secret?) -> [String: String] {
        let secret = secret?.reveal ?? ""
        var all = [
            "OS_AUTH_URL": authURL, "OS_IDENTITY_API_VERSION": "3", "OS_REGION_NAME": region,
            "OS_INTERFACE": interface.rawValue, "OS_CACERT": caFile ?? "",
            "OS_IMAGE_ENDPOINT_OVERRIDE": imageURL ?? "",
        ]
        if let projectID {
            all["OS_PROJECT_ID"] = projectID
        } else if !project.isEmpty {
            all["OS_PROJECT_NAME"] = project
            all["OS_PROJECT_DOMAIN_NAME"] = projectDomainID == nil ? projectDomain : ""
            all["OS_PROJECT_DOMAIN_ID"] = projectDomainID ?? ""
        }
        switch authentication {
        case .password:
            all["OS_USERNAME"] = username
            all["OS_USER_DOMAIN_NAME"] = userDomainID == nil ? userDomain : ""
            all["OS_USER_DOMAIN_ID"] = userDomainID ?? ""
            all["OS_PASSWORD"] = secret
        case .applicationCredential:
            all["OS_AUTH_TYPE"] = "v3applicationcredential"
            all["OS_APPLICATION_CREDENTIAL_ID"] = applicationCredential ?? ""
            all["OS_APPLICATION_CREDENTIAL_SECRET"] = secret
        case .token:
            all["OS_AUTH_TYPE"] = "v3token"
            all["OS_TOKEN"] = secret
        }
        return all.filter { !$0.value.isEmpty }
    }
}
