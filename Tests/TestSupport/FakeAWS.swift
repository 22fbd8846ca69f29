import HTTPClientKit
import HTTPTypes
import Support

/// Amazon's EC2, by moto. It takes any credentials, and starts with images of its own.
public final class FakeAWS: Sendable {
    /// One of the images that are there.
    public static let sourceImage = "ami-12c6146b"
    /// By this moto knows which of Amazon's services a request is for.
    public static let authorization =
        "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/ec2/aws4_request, "
        + "SignedHeaders=host, Signature=x"

    private let server: FakeServer
    private let http = HTTPClient()
    public var url: String { server.url }

    public static func start() async throws -> FakeAWS {
        let modules = try await Python.clouds.value
        return FakeAWS(
            try await FakeServer.start("fake-aws", [], environment: ["PYTHONPATH": modules]))
    }

    private init(_ server: FakeServer) { self.server = server }

    /// The ids of the images that were made.
    public func images() async throws -> [String] {
        try await ids("DescribeImages&Owner.1=self", /<imageId>(ami-[0-9a-f]+)</)
    }

    /// The ids of the machines that run.
    public func machines() async throws -> [String] {
        try await ids(
            "DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=running",
            /<instanceId>(i-[0-9a-f]+)</)
    }

    private func ids(
        _ action: String, _ id: Regex<(Substring, Substring)>
    ) async throws -> [String] {
        let answer = try await http.request(
            "POST", url + "/",
            headers: [
                "Authorization": Self.authorization,
                "Content-Type": "application/x-www-form-urlencoded",
            ], body: Array("Action=\(action)&Version=2016-11-15".utf8))
        guard answer.status == 200 else { throw Failure("EC2 answers \(answer.status)") }
        return String(decoding: answer.body, as: UTF8.self).matches(of: id).map { String($0.1) }
    }
}
