import HTTPClientKit
import HTTPTypes

/// One call to a registry.
struct RegistryCall: Sendable {
    var method: String
    var url: String
    /// What fails, if it fails: "cannot push x to y".
    var operation: String
    var headers: HTTPHeaders = [:]
    var body: [UInt8] = []
    var upload: UploadBody?
    /// What a token must allow: `repository:team/app:pull,push`.
    var scope = ""

    init(_ method: String, _ url: String, _ operation: String) {
        self.method = method
        self.url = url
        self.operation = operation
    }
}
