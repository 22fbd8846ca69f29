import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// Secrets that the coordinator hands to builds. No answer has a value.
enum SecretRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/secrets") { _, _ in
            let all = try await FarmSecrets(ports: api.ports).all()
            return try .json(ListView(items: all.map(SecretView.init)))
        }
        router.on("PUT", "/api/v1/secrets/{name}") { request, path in
            let form = try request.decode(SecretForm.self)
            let secret = try await api.leader().secrets.put(
                path["name"], form, by: api.actor(request))
            return try .json(
                SecretView(FarmSecrets.Listed(secret)), status: form.isNew == true ? 201 : 200)
        }
        router.on("DELETE", "/api/v1/secrets/{name}") { request, path in
            try await api.leader().secrets.remove(path["name"], by: api.actor(request))
            return .empty
        }
        router.on("POST", "/api/v1/secrets/rotate-key") { request, _ in
            let rotation = try await api.leader().keyChange.run(by: api.actor(request))
            return try .json(KeyRotationView(rotation))
        }
    }
}

/// A secret without its value.
struct SecretView: Encodable {
    var name: String
    var guestOSes, environments: [String]
    /// `store`, or the place of a source that coordinator.yml names.
    var source: String
    var createdAt, changedAt, changedBy: String?
    /// `true`, or missing.
    var lost: Bool?

    init(_ secret: FarmSecrets.Listed) {
        name = secret.name
        guestOSes = secret.guestOSes
        environments = secret.environments
        source = secret.source ?? "store"
        createdAt = secret.stored.map { Time.text($0.createdMilliseconds) }
        changedAt = secret.stored.map { Time.text($0.changedMilliseconds) }
        changedBy = secret.stored?.changedBy
        lost = secret.stored?.isLost == true ? true : nil
    }
}

struct KeyRotationView: Encodable {
    var resealed: Int
    var unreadable: [String]
    var problem: String?

    init(_ rotation: KeyRotation) {
        resealed = rotation.resealed
        unreadable = rotation.unreadable
        problem = rotation.problem
    }
}
