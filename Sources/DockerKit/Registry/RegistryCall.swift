import HTTPClientKit
import HTTPTypes

/// A request to a registry.
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
