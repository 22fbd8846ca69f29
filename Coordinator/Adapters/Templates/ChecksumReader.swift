import BuildProtocol
import CoordinatorCore
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import Templates
public import TextKit

/// Reads the digest of a base image from the checksum file of its publisher. A template names the
/// address, and this program may reach more than its author: what only this machine reaches is
/// closed.
public struct ChecksumReader: Sendable {
    private let opened: [IPv4Network]
    private let access: GitAccess
    private let client = HTTPClient()

    /// - Parameters:
    ///   - networks: opened although they are this machine's own, such as a mirror on it.
    ///   - access: has the proxy and the trusted authorities.
    public init(networks: [IPv4Network] = [], access: GitAccess = GitAccess()) {
        opened = networks
        self.access = access
    }

    /// Checksum files have some KiB; Ubuntu's releases some hundreds.
    private static let listBytes: Int64 = 4 << 20
    private static let signatureBytes: Int64 = 64 << 10
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 10, stallSeconds: 20, totalSeconds: 60)
    /// This machine's own services, and the metadata of a cloud.
    private static let closed = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16"]
        .compactMap { IPv4Network($0) }

    /// The recipe with the digest that its base image has now.
    ///
    /// - Parameters:
    ///   - folder: for temporary files.
    ///   - content: of a file of the template.
    /// - Throws: `TemplateFault`
    func resolve(
        _ file: TemplateFile, folder: String, content: (String) async throws -> [UInt8]?
    ) async throws -> BuildRecipe {
        var recipe = file.recipe
        guard let source = file.checksums, var image = recipe.baseImage else { return recipe }
        var key: [UInt8]?
        if let path = source.key { key = try await content(path) }
        let digest = try await digest(of: image, from: source, key: key, folder: folder)
        switch digest.algorithm {
        case .sha256: image.sha256 = digest.hex
        case .sha512: image.sha512 = digest.hex
        }
        image.checksumURL = source.url
        recipe.baseImage = image
        return recipe
    }

    /// What changes when the base image does.
    /// - Throws: `TemplateFault`
    func mark(of watch: TriggerPlan.BaseImageWatch) async throws -> String {
        if let url = watch.checksumURL {
            // Its signature is checked when the build is submitted.
            let list = try await fetch(url, Self.listBytes)
            let algorithm = watch.algorithm.flatMap(ImageDigest.Algorithm.init) ?? .sha256
            let name = Self.fileName(watch.url)
            guard let digest = ChecksumList(bytes: list, algorithm).digest(of: name) else {
                throw TemplateFault(
                    "\(Self.shown(url)) has no single \(algorithm.title) digest of "
                        + "\(Names.quoted(name)), the file that base_image.url names")
            }
            return "\(digest.algorithm.rawValue) \(digest.hex)"
        }
        let headers = try await reporting { () async throws(HTTPClientError) in
            try await client.headers(of: request(watch.url, Self.listBytes))
        }
        if let tag = headers["ETag"] { return "ETag \(tag.prefixOfUTF8(Self.markBytes))" }
        guard let modified = headers["Last-Modified"] else {
            throw TemplateFault(
                "the server of the base image says neither ETag nor Last-Modified, so that a new "
                    + "one cannot be noticed: use sha256_url")
        }
        return "Last-Modified \(modified.prefixOfUTF8(Self.markBytes)), "
            + "\(headers["Content-Length"]?.prefixOfUTF8(20) ?? "?") bytes"
    }

    private static let markBytes = 200

    /// The file with the digests of a repository's lists of packages.
    /// - Returns: `nil` if there is none.
    /// - Throws: `TemplateFault`
    @Sendable func packageMetadata(_ url: String) async throws -> [UInt8]? {
        let collected = Collected()
        let request = request(url, Self.listBytes)
        return try await reporting("read the package source") {
            () async throws(HTTPClientError) -> [UInt8]? in
            do throws(HTTPClientError) {
                _ = try await client.download(request, to: collected)
                return collected.bytes
            } catch {
                guard case .status(404) = error.code else { throw error }
                return nil
            }
        }
    }

    private func digest(
        of image: BaseImage, from source: ChecksumSource, key: [UInt8]?, folder: String
    ) async throws -> ImageDigest {
        var list = try await fetch(source.url, Self.listBytes)
        if source.key != nil {
            var signature: [UInt8]?
            if let url = source.signatureURL {
                signature = try await fetch(url, Self.signatureBytes)
            }
            list = try await SignatureCheck(key: key ?? [], folder: folder).verified(
                list, signature: signature, shown: Self.shown(source.url))
        }
        let checksums = ChecksumList(bytes: list, source.algorithm)
        let name = Self.fileName(image.url)
        guard let digest = checksums.digest(of: name) else {
            throw TemplateFault(
                "\(Self.shown(source.url)) has no single \(source.algorithm.title) digest of "
                    + "\(Names.quoted(name)), the file that base_image.url names; it has "
                    + checksums.contents)
        }
        return digest
    }

    private static func fileName(_ url: String) -> String {
        let path = url.prefix { $0 != "?" && $0 != "#" }
        let segment = path.pathSegments.last.map(String.init) ?? ""
        return PercentCoding.decode(segment[...]) ?? segment
    }

    private func fetch(_ url: String, _ limitBytes: Int64) async throws -> [UInt8] {
        let collected = Collected()
        let request = request(url, limitBytes)
        _ = try await reporting { () async throws(HTTPClientError) in
            try await client.download(request, to: collected)
        }
        return collected.bytes
    }

    private func request(_ url: String, _ limitBytes: Int64) -> DownloadRequest {
        var request = DownloadRequest(
            url: url, limitBytes: limitBytes, timeouts: Self.timeouts)
        let opened = opened
        let own = Namespaces.ownAddresses().compactMap { IPv4Network($0) }
        let closed = Self.closed + own
        let proxy = access.httpProxy(for: url, closed: closed.filter { !opened.contains($0) })
        request.proxy = proxy
        request.tls.authorities = access.authorities
        request.addressFilter = AddressFilter(allowsPort: { address, port in
            opened.contains { $0.contains(address) }
                || !closed.contains { $0.contains(address) }
                || proxy.isAt(address: address, port: port)
        })
        return request
    }

    private func reporting<Value>(
        _ what: String = "read the digest of the base image",
        _ body: () async throws(HTTPClientError) -> Value
    ) async throws -> Value {
        do throws(HTTPClientError) { return try await body() } catch {
            let advice =
                error.code == .addressForbidden
                ? ". The coordinator reads such files from no address of its own machine: list "
                    + "the network under base_image_networks in coordinator.yml if it is meant"
                : ""
            throw TemplateFault(
                error.isPermanent ? .usual : .unavailable,
                "cannot \(what): \(error)\(advice)")
        }
    }

    /// Without what may be a secret.
    private static func shown(_ url: String) -> String {
        String(url.prefix { $0 != "?" && $0 != "#" }.split(separator: "/").last ?? "")
    }

    private final class Collected: DownloadSink {
        private let received = Mutex<[UInt8]>([])

        var bytes: [UInt8] { received.withLock(\.self) }

        func begin(offset: Int64, totalBytes: Int64?) { received.withLock { $0 = [] } }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
            received.withLock { $0 += bytes }
        }
    }
}
