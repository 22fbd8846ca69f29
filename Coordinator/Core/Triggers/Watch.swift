public import BuildProtocol
import TextKit

/// Something outside of the farm that is looked at regularly, and builds a guest OS when it has
/// changed.
public enum Watch: Sendable, Hashable {
    case baseImage(TriggerPlan.BaseImageWatch)
    case packages(PackageWatch)

    public enum Kind: Sendable, CaseIterable { case baseImage, packages }

    public var kind: Kind {
        switch self {
        case .baseImage: .baseImage
        case .packages: .packages
        }
    }

    public var everySeconds: Int {
        switch self {
        case .baseImage(let watch): watch.everySeconds
        case .packages(let watch): watch.everySeconds
        }
    }

    /// Whether both look at the same things, however often.
    public func isSame(as other: Watch?) -> Bool {
        switch (self, other) {
        case (.baseImage(let own), .baseImage(let other)?):
            own.url == other.url && own.checksumURL == other.checksumURL
        case (.packages(let own), .packages(let other)?): own.sources == other.sources
        default: false
        }
    }
}

/// What was seen of a watch.
public struct WatchState: Sendable, Hashable, Codable {
    /// Changes when what is looked at does; `nil` before the first look.
    public var mark: String?
    @OptionalBounded<UnixTimeBound> public var checkedMilliseconds: Int64?
    /// When a build for a change was asked for last.
    @OptionalBounded<UnixTimeBound> public var changedMilliseconds: Int64?

    public init(
        mark: String? = nil, checkedMilliseconds: Int64? = nil, changedMilliseconds: Int64? = nil
    ) {
        self.mark = mark
        self.checkedMilliseconds = checkedMilliseconds
        self.changedMilliseconds = changedMilliseconds
    }
}

/// What a look at a watch has found.
public struct WatchSight: Sendable, Hashable {
    /// What the next look is compared with.
    public var mark: String
    /// Whether something is not as it was; what is seen for the first time is not.
    public var isChanged: Bool
    /// What of it could not be read.
    public var problem: String?

    public init(mark: String, isChanged: Bool, problem: String? = nil) {
        self.mark = mark
        self.isChanged = isChanged
        self.problem = problem
    }

    public init(since old: String?, mark: String) {
        self.init(mark: mark, isChanged: old.map { $0 != mark } ?? false)
    }
}

/// The package sources of an image.
public struct PackageWatch: Sendable, Hashable, Codable {
    public var sources: [PackageSource]
    @Bounded<TriggerSecondsBound> public var everySeconds: Int

    public init(sources: [PackageSource], everySeconds: Int) {
        self.sources = sources
        self.everySeconds = everySeconds
    }
}

/// A repository of packages for `apt` or `dnf`.
public struct PackageSource: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable { case apt, dnf }

    public var kind: Kind
    /// Without a slash at its end.
    public var url: String
    /// Of apt: `bookworm-security`; empty for dnf.
    public var suite = ""
    /// Of apt: `main`.
    public var components: [String] = []
    /// Of apt.
    public var architecture = "amd64"

    /// The address of a repository for dnf, above its folder `repodata`.
    public init(dnf url: String) {
        kind = .dnf
        self.url = Self.withoutSlash(url)
    }

    /// A line of apt's `sources.list`: `deb [arch=arm64] URL suite component…`
    /// - Returns: `nil` if it is none, or one without components.
    public init?(apt line: String) {
        var words = line.split(separator: " ").map(String.init)
        guard words.count >= 4, words.removeFirst() == "deb" else { return nil }
        if words[0].hasPrefix("[") {
            guard let end = words.firstIndex(where: { $0.hasSuffix("]") }) else { return nil }
            let options = words[...end].joined(separator: " ").dropFirst().dropLast()
            for option in options.split(separator: " ") where option.hasPrefix("arch=") {
                architecture = String(option.dropFirst("arch=".count))
            }
            words.removeFirst(end + 1)
        }
        guard words.count >= 3, !words[1].hasSuffix("/") else { return nil }
        kind = .apt
        url = Self.withoutSlash(words[0])
        suite = words[1]
        components = Array(words[2...])
        let names = [suite, architecture] + components
        guard names.allSatisfy(Self.isName) else { return nil }
    }

    /// `http://deb.debian.org/debian bookworm main`
    public var text: String {
        if kind == .dnf { return url }
        let other = architecture == "amd64" ? [] : ["[\(architecture)]"]
        return ([url, suite] + components + other).joined(separator: " ")
    }

    private static func withoutSlash(_ url: String) -> String {
        var url = Substring(url)
        while url.utf8.last == UInt8(ascii: "/") { url = Substring(url.utf8.dropLast()) }
        return String(url)
    }

    /// Part of a path: `stable/updates` is one.
    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && !name.pathSegments.contains { $0 == ".." || $0 == "." || $0.isEmpty }
            && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"?#%\\".utf8.contains($0) }
    }
}

extension TriggerPlan {
    public func watch(_ kind: Watch.Kind) -> Watch? {
        switch kind {
        case .baseImage: baseImage.map(Watch.baseImage)
        case .packages: packages.map(Watch.packages)
        }
    }
}

extension TriggerState {
    public subscript(_ kind: Watch.Kind) -> WatchState {
        get {
            switch kind {
            case .baseImage:
                WatchState(
                    mark: baseImage, checkedMilliseconds: baseImageCheckedMilliseconds,
                    changedMilliseconds: baseImageChangedMilliseconds)
            case .packages: packages ?? WatchState()
            }
        }
        set {
            switch kind {
            case .baseImage:
                baseImage = newValue.mark
                baseImageCheckedMilliseconds = newValue.checkedMilliseconds
                baseImageChangedMilliseconds = newValue.changedMilliseconds
            case .packages: packages = newValue
            }
        }
    }
}
