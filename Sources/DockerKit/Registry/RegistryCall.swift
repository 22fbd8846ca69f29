import HTTPClientKit
import HTTPTypes

struct RegistryCall: Sendable {
    var method: String
    var url: String
    /// The beginning of error messages: "cannot push x to y".
    var operation: String
    var headers: HTTPHeaders = [:]
    var body: [UInt8] = []
    var upload: UploadBody?
    /// The scope of the token: `repository:team/app:pull,push`.
    var scope = ""

    init(_ method: String, _ url: String, _ operation: String) {
        self.method = method
        self.url = url
        self.operation = operation
    }
}

/// The media types of objects in a registry.
enum MediaType {
    static let manifest = "application/vnd.oci.image.manifest.v1+json"
    static let config = "application/vnd.oci.image.config.v1+json"
    static let layer = "application/vnd.oci.image.layer.v1.tar"
    /// Manifests that a tag may point to. A registry converts those that are not listed here.
    static let readable = [
        manifest, "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
}
