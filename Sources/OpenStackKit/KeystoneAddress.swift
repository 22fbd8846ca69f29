import HTTPTypes
import TextKit

/// Keystone's address as people write it: with or without a version, with that of the API before
/// it, with the path of a login, with a slash at the end.
struct KeystoneAddress: Sendable, Hashable {
    /// Without version and slash.
    let root: WebAddress

    init?(_ text: String) {
        guard var address = WebAddress(text) else { return nil }
        address.query = nil
        address.path = address.path.withoutLastSlashes
        if address.path.hasSuffix("/auth/tokens") { address.path.removeLast(12) }
        address.path = address.path.withoutVersion
        root = address
    }

    /// The address of Keystone v3.
    var identityURL: String { "\(root)/v3" }
}

extension String {
    var withoutLastSlashes: String {
        var text = self[...]
        while text.utf8.last == UInt8(ascii: "/") { text.removeLast() }
        return String(text)
    }

    /// A path without a version as its last segment, and without slashes at its end.
    var withoutVersion: String {
        let path = withoutLastSlashes
        let last = path.pathSegments.last ?? ""
        guard last.wholeMatch(of: #/v[0-9]{1,2}(\.[0-9]{1,3})?/#) != nil else { return path }
        return String(path.dropLast(last.count)).withoutLastSlashes
    }
}
