package import BuildProtocol
import TextKit
import YAMLKit

/// `base_image:` of `aibuild.yml`.
struct TemplateBaseImage: Sendable, Hashable {
    /// Without a digest if that is to be read from a checksum file.
    var image: BaseImage
    var checksums: ChecksumSource?

    private typealias Keys = TemplateKeys.BaseImage

    init?(_ yaml: YAMLMapping) throws(YAMLError) {
        guard let base = try yaml.takeIfPresent(TemplateKeys.baseImage) else { return nil }
        image = BaseImage(url: try base.take(Keys.url), sha256: nil)
        let signatureURL = try base.takeIfPresent(Keys.signatureURL)
        let key = try base.takeIfPresent(Keys.signatureKey)
        var given: [String: String] = [:]
        for key in Keys.digests { given[key.name] = try base.takeIfPresent(key) }
        guard given.count == 1, let (name, value) = given.first else {
            let names = Keys.digests.map(\.name).joined(separator: ", ")
            throw base.error(
                Keys.sha256,
                "expected one of \(names); `sha256: none` skips the verification")
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
                Keys.signatureURL, "needs signature_key: the path of the publisher's key")
        }
        guard key == nil || checksums != nil else {
            throw base.error(Keys.signatureKey, "is only used with sha256_url or sha512_url")
        }
    }
}

/// Where the digest of a base image is published: it is read when a build is submitted.
package struct ChecksumSource: Sendable, Hashable {
    package var url: String
    package var algorithm: ImageDigest.Algorithm
    /// Of a detached signature; without one, the checksum file is signed in itself.
    package var signatureURL: String?
    /// The path in the template of the keys that may have signed; `nil`: no signature is checked.
    package var key: String?
}
