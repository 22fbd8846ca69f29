/// The body of a login.
struct Authentication: Encodable {
    private struct Named: Encodable {
        var id: String?
        var name: String?

        init(_ domain: CloudLogin.Domain) {
            switch domain {
            case .name(let name): self.name = name
            case .id(let id): self.id = id
            }
        }
    }
    private struct User: Encodable {
        var name: String
        var domain: Named
        var password: String
    }
    private struct Password: Encodable { var user: User }
    private struct Application: Encodable {
        var id: String
        var secret: String
    }
    private struct Token: Encodable { var id: String }
    private struct Identity: Encodable {
        var methods: [String]
        var password: Password?
        var application_credential: Application?
        var token: Token?
    }
    private struct Project: Encodable {
        var id: String?
        var name: String?
        var domain: Named?
    }
    private struct Scope: Encodable { var project: Project }
    private struct Auth: Encodable {
        var identity: Identity
        var scope: Scope?
    }

    private var auth: Auth

    init(_ login: CloudLogin, isScoped: Bool) {
        let identity =
            switch login.credential {
            case .password(let password, let user, let domain):
                Identity(
                    methods: ["password"],
                    password: Password(
                        user: User(name: user, domain: Named(domain), password: password)))
            case .application(let id, let secret):
                Identity(
                    methods: ["application_credential"],
                    application_credential: Application(id: id, secret: secret))
            case .token(let secret):
                Identity(methods: ["token"], token: Token(id: secret))
            }
        // An application credential has its project: Keystone refuses a scope beside it.
        let project: Project? =
            switch login.project {
            case .name(let name, let domain): Project(name: name, domain: Named(domain))
            case .id(let id): Project(id: id)
            case .ofCredential: nil
            }
        auth = Auth(identity: identity, scope: isScoped ? project.map(Scope.init) : nil)
    }
}
