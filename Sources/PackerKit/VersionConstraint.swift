/// Versions as Packer compares them: `1.6.6`, `v1.9`, `1.10.0-dev`. A pre-release counts as its
/// release.
public struct PackerVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    private var numbers: [Int]
    public var description: String

    public init?(_ text: String) {
        guard let match = text.firstMatch(of: #/^\s*v?(\d{1,9}(?:\.\d{1,9}){0,3})/#) else {
            return nil
        }
        description = String(match.1)
        numbers = match.1.split(separator: ".").compactMap { Int($0) }
    }

    /// How many numbers were written.
    var count: Int { numbers.count }

    func number(_ index: Int) -> Int { index < numbers.count ? numbers[index] : 0 }

    public static func < (a: PackerVersion, b: PackerVersion) -> Bool {
        for index in 0..<4 where a.number(index) != b.number(index) {
            return a.number(index) < b.number(index)
        }
        return false
    }

    public static func == (a: PackerVersion, b: PackerVersion) -> Bool {
        (0..<4).allSatisfy { a.number($0) == b.number($0) }
    }

    public func hash(into hasher: inout Hasher) {
        for index in 0..<4 { hasher.combine(number(index)) }
    }
}

/// `>= 1.7.0, < 2`, `~> 1.0`: all parts must hold.
public struct VersionConstraint: Sendable, Hashable {
    private struct Part: Hashable {
        var comparison: String
        var version: PackerVersion
    }

    private var parts: [Part]

    /// `nil` if it is not one that is understood here.
    public init?(_ text: String) {
        parts = []
        for part in text.split(separator: ",") {
            guard let match = part.wholeMatch(of: #/\s*(=|!=|>=|<=|>|<|~>)?\s*(\S+)\s*/#),
                let version = PackerVersion(String(match.2))
            else { return nil }
            parts.append(Part(comparison: match.1.map(String.init) ?? "=", version: version))
        }
        if parts.isEmpty { return nil }
    }

    public func allows(_ version: PackerVersion) -> Bool {
        parts.allSatisfy { part in
            switch part.comparison {
            case "!=": version != part.version
            case ">": version > part.version
            case ">=": version >= part.version
            case "<": version < part.version
            case "<=": version <= part.version
            case "~>": Self.isCompatible(version, part.version)
            default: version == part.version
            }
        }
    }

    /// `~> 1.2.3` is `>= 1.2.3, < 1.3`: the last number may grow.
    private static func isCompatible(_ version: PackerVersion, _ wanted: PackerVersion) -> Bool {
        version >= wanted
            && (0..<max(1, wanted.count - 1)).allSatisfy {
                version.number($0) == wanted.number($0)
            }
    }
}
