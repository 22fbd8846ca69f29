/// A request to `aibuild-fetch`, passed in a file: a URL may hold a password, and anyone can read a
/// command line.
public struct FetchRequest: Sendable, Hashable, Codable {
    public var url: String
    /// The file that is appended to.
    public var part: String
    /// Bytes of it that exist already.
    public var offsetBytes: Int64
    public var limitBytes: Int64
    public var connectSeconds: Int
    public var stallSeconds: Int
    /// The entity tag of the cached file, with which the server may answer 304.
    public var knownTag: String?
    /// `nil`: the URL may lead anywhere.
    public var networks: FetchNetworks?
    /// The proxies of the environment, which may be anywhere.
    public var proxies: [ProxySettings.Endpoint]?
    /// `nil`: the system's authorities.
    public var caFile: String?

    public init(
        url: String, part: String, offsetBytes: Int64, limitBytes: Int64, connectSeconds: Int,
        stallSeconds: Int, knownTag: String? = nil, networks: FetchNetworks? = nil,
        proxies: [ProxySettings.Endpoint]? = nil, caFile: String? = nil
    ) {
        self.url = url
        self.part = part
        self.offsetBytes = offsetBytes
        self.limitBytes = limitBytes
        self.connectSeconds = connectSeconds
        self.stallSeconds = stallSeconds
        self.knownTag = knownTag
        self.networks = networks
        self.proxies = proxies
        self.caFile = caFile
    }
}

/// What `aibuild-fetch` prints, one JSON object a line: its progress, then one of the others.
public enum FetchEvent: Sendable, Hashable, Codable {
    case progress(doneBytes: Int64, totalBytes: Int64?)
    /// All bytes are in the file. `offsetBytes` is where the server started to send: 0 if it cannot
    /// resume.
    case done(offsetBytes: Int64, totalBytes: Int64, entityTag: String?)
    /// The server still has the file of `knownTag`.
    case unchanged
    case failed(FetchFailure)
}

/// Why a download failed.
public struct FetchFailure: Error, Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable {
        /// The server does not have this file, and retrying will not help.
        case missing
        /// The partial file cannot be the beginning of the server's file.
        case notResumable
        /// The file does not fit on the disk.
        case diskFull
        /// This host cannot talk to the server at all (TLS).
        case host
        /// Worth a retry.
        case transient
    }

    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
