import BuildProtocol
import TextKit
import YAMLKit

/// `base_image:` of `aibuild.yml`.
struct TemplateBaseImage: Sendable, Hashable {
    /// Without a digest if that is to be read from a checksum file.
    var image: BaseImage
    var checksums: ChecksumSource?

    /// The keys for the digest, of which one is given.
    private static let keys = ["sha256", "sha512", "sha256_url", "sha512_url"]

    init?(_ yaml: YAMLMapping) throws(YAMLError) {
        guard let base = try yaml.takeIfPresent("base_image", .mapping) else { return nil }
        image = BaseImage(url: try base.take("url", .url(or: "file")), sha256: nil)
        let signatureURL = try base.takeIfPresent("signature_url", .url())
        let key = try base.takeIfPresent("signature_key", .innerPath)
        var given: [String: String] = [:]
        for name in Self.keys { given[name] = try base.takeIfPresent(name, .string) }
        guard given.count == 1, let (name, value) = given.first else {
            throw base.error(
                "sha256",
                "expected one of \(Self.keys.joined(separator: ", ")); `sha256: none` skips the "
                    + "verification")
        }
        let algorithm: ImageDigest.Algorithm = name.hasPrefix("sha256") ? .sha256 : .sha512
        if name.hasSuffix("_url") || value.hasPrefix("file:") {
            let url = name.hasSuffix("_url") ? value : String(value.dropFirst("file:".count))
            if let problem = YAMLType<String>.urlProblem(url, or: nil) {
                throw base.error(name, problem)
            }
            checksums = ChecksumSource(
                url: url, algorithm: algorithm, signatureURL: signatureURL, key: key)
        } else if value != "none" || algorithm == .sha512 {
            guard Hex.isLowerCase(value, count: algorithm.digits) else {
                let other = algorithm == .sha256 ? ", none" : ""
                throw base.error(
                    name,
                    "expected \(algorithm.digits) hexadecimal digits in lower case\(other), or "
                        + "file:URL of a checksum file")
            }
            if algorithm == .sha256 { image.sha256 = value } else { image.sha512 = value }
        }
        guard key != nil || signatureURL == nil else {
            throw base.error(
                "signature_url", "needs signature_key: the path of the publisher's key")
        }
        guard key == nil || checksums != nil else {
            throw base.error("signature_key", "is only used with sha256_url or sha512_url")
        }
    }
}

/// Where the digest of a base image is published: it is read when a build is submitted.
struct ChecksumSource: Sendable, Hashable {
    var url: String
    var algorithm: ImageDigest.Algorithm
    /// Of a detached signature; without one, the checksum file is signed in itself.
    var signatureURL: String?
    /// The path in the template of the keys that may have signed; `nil`: no signature is checked.
    var key: String?
}

extension YAMLType where Value == String {
    /// - Parameter other: another scheme that is allowed, with an absolute path.
    fileprivate static func url(or other: String? = nil) -> YAMLType {
        .string.checked { urlProblem($0, or: other) }
    }

    fileprivate static func urlProblem(_ url: String, or other: String?) -> String? {
        let schemes = ["http://", "https://"] + (other.map { ["\($0):///"] } ?? [])
        guard schemes.contains(where: url.hasPrefix), url.utf8.count <= 2048,
            !url.unicodeScalars.contains(where: { $0.value <= 0x20 })
        else { return "expected an http\(other.map { ", https or \($0)" } ?? " or https") URL" }
        return nil
    }
}
