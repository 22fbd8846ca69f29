import TextKit

public enum BaseImageURL: Sendable, Hashable {
    /// An absolute path on the host.
    case file(String)
    case http(String)

    /// `nil` for a scheme that is not supported, and for a malformed URL.
    public init?(_ url: String) {
        let lower = url.lowercased()
        if lower.hasPrefix("http://") || lower.hasPrefix("https://") {
            self = .http(url)
        } else if lower.hasPrefix("file://") {
            var path = url.dropFirst("file://".count)
            if path.lowercased().hasPrefix("localhost/") {
                path = path.dropFirst("localhost".count)
            }
            // No path holds a NUL: the C library would end it there.
            guard path.isAbsolutePath, let decoded = PercentCoding.decode(path),
                !decoded.utf8.contains(0)
            else { return nil }
            self = .file(decoded)
        } else {
            return nil
        }
    }

    /// The file name of the image next to a build: the one in the URL if it is a plain name,
    /// because builders look at the suffix.
    public static func fileName(_ url: String) -> String {
        let path = url.prefix { $0 != "?" && $0 != "#" }
        let name = path.pathSegments.last.map(String.init) ?? ""
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
            default: false
            }
        }
        return isPlain && name.utf8.count <= 128 && !name.hasPrefix(".") && name.contains(".")
            ? name : "base.img"
    }
}
