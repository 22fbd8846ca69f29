import HTTPTypes
import HTTPClientKit

/// Interoperable image import, for clouds whose policy forbids plain uploads.
enum ImportMethod: String, Sendable, CaseIterable {
    /// The bytes are staged, then imported.
    case glanceDirect = "glance-direct"
    /// The cloud downloads them.
    case webDownload = "web-download"
}

extension ImageUpload {
    /// How this cloud imports images, if an upload was refused; the first that is possible.
    func importMethod() async throws(CloudError) -> ImportMethod? {
        struct Info: Decodable {
            struct Methods: Decodable { var value: [String] }
            var methods: Methods

            enum CodingKeys: String, CodingKey { case methods = "import-methods" }
        }
        let what = "cannot ask Glance how it imports images"
        let answer = try await glance.call("GET", "/info/import", what)
        guard answer.status == 200 else { return nil }
        let known = try glance.decoded(Info.self, answer, what).methods.value
        return ImportMethod.allCases.first { known.contains($0.rawValue) }
    }

    /// Hands the bytes over and starts the import, which then goes on by itself.
    func bring(_ body: UploadBody, by method: ImportMethod) async throws(CloudError) {
        struct Order: Encodable {
            struct Method: Encodable {
                var name: String
                var uri: String?
            }
            var method: Method
        }
        switch method {
        case .glanceDirect: try await put("stage", body)
        case .webDownload:
            guard source != nil else {
                throw CloudError(
                    .downloadOnly,
                    "\(what): this cloud imports images by web-download only: it must be able to "
                        + "download the image as it is published")
            }
        }
        let uri = method == .webDownload ? source : nil
        let order = Order(method: Order.Method(name: method.rawValue, uri: uri))
        let answer = try await glance.call(
            "POST", "\(path)/import", what, body: try glance.encoded(order, what))
        guard answer.status == 202 else { throw glance.failed(answer, what) }
    }

    /// Why an import ended without an image, by Glance's own record of it if it keeps one.
    func importFailed() async -> CloudError {
        struct Tasks: Decodable {
            struct Task: Decodable { var message: String? }
            var tasks: [Task]
        }
        let answer = try? await glance.call("GET", "\(path)/tasks", what)
        let tasks = answer.flatMap { try? JSON.decode(Tasks.self, $0.body).tasks } ?? []
        let words = ErrorWords.plain(
            tasks.last { $0.message?.isEmpty == false }?.message ?? "", limit: limits.shownWords)
        return CloudError(
            .stuck,
            "\(what): the cloud's import of it failed"
                + (words.isEmpty ? "; Glance's log says why" : ": \"\(words)\""))
    }
}
