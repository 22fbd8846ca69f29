/// An image as Glance reports it.
public struct GlanceImage: Sendable, Hashable {
    public var id: String
    public var name: String
    /// `queued`, `saving`, `active`, `killed`, `deleted`, `pending_delete`, `deactivated` …
    public var status: String
    public var visibility: String
    public var owner: String
    public var sizeBytes: Int64?
    public var diskFormat: String
    public var containerFormat: String
    public var minDiskGiB: Int
    public var minMemoryMiB: Int
    public var isProtected: Bool
    public var isHidden: Bool
    /// False before the release Rocky, whose images are always visible.
    public var canHide: Bool
    public var hashAlgorithm: String?
    public var hashValue: String?
    /// MD5, the only digest before Rocky.
    public var checksum: String?
    /// As Glance writes it: `2026-11-21T16:20:56Z`.
    public var createdAt: String
    public var updatedAt: String
    public var tags: [String]
    /// The fields that are not Glance's own.
    public var properties: [String: String]

    public var isActive: Bool { status == "active" }

    /// The best digest that Glance reports.
    public var digest: (algorithm: String, value: String)? {
        if let hashAlgorithm, let hashValue { return (hashAlgorithm, hashValue) }
        return checksum.map { ("md5", $0) }
    }

    /// The change that hides or shows the image; none if Glance cannot hide any.
    public func hiding(_ isHidden: Bool) -> [GlanceChange] { canHide ? [.hidden(isHidden)] : [] }

    /// Glance lists the stores into which it could not bring an image.
    var hasFailedImport: Bool { properties["os_glance_failed_import"]?.isEmpty == false }
}

extension GlanceImage: Decodable {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: AnyKey.self)
        func text(_ key: String) -> String {
            (try? values.decodeIfPresent(String.self, forKey: AnyKey(key))) ?? ""
        }
        func number(_ key: String) -> Int64? {
            (try? values.decodeIfPresent(Int64.self, forKey: AnyKey(key))) ?? nil
        }
        func flag(_ key: String) -> Bool {
            (try? values.decodeIfPresent(Bool.self, forKey: AnyKey(key))) ?? false
        }
        id = try values.decode(String.self, forKey: AnyKey("id"))
        status = try values.decode(String.self, forKey: AnyKey("status"))
        name = text("name")
        visibility = text("visibility")
        owner = text("owner")
        sizeBytes = number("size")
        diskFormat = text("disk_format")
        containerFormat = text("container_format")
        minDiskGiB = Int(number("min_disk") ?? 0)
        minMemoryMiB = Int(number("min_ram") ?? 0)
        isProtected = flag("protected")
        isHidden = flag("os_hidden")
        canHide = values.contains(AnyKey("os_hidden"))
        hashAlgorithm = try? values.decodeIfPresent(String.self, forKey: AnyKey("os_hash_algo"))
        hashValue = try? values.decodeIfPresent(String.self, forKey: AnyKey("os_hash_value"))
        checksum = try? values.decodeIfPresent(String.self, forKey: AnyKey("checksum"))
        createdAt = text("created_at")
        updatedAt = text("updated_at")
        tags = (try? values.decodeIfPresent([String].self, forKey: AnyKey("tags"))) ?? []
        properties = [:]
        for key in values.allKeys where !Self.ownKeys.contains(key.stringValue) {
            if let value = try? values.decode(String.self, forKey: key) {
                properties[key.stringValue] = value
            }
        }
    }

    /// The fields that are Glance's own, so that they cannot be properties.
    public static let ownKeys: Set<String> = [
        "id", "name", "status", "visibility", "owner", "size", "virtual_size", "disk_format",
        "container_format", "min_disk", "min_ram", "protected", "os_hidden", "os_hash_algo",
        "os_hash_value", "checksum", "created_at", "updated_at", "tags", "self", "file", "schema",
        "locations", "direct_url", "stores", "owner_specified",
    ]
}

/// An image that is to be created. It is empty and `queued` at first.
public struct NewGlanceImage: Sendable, Encodable {
    public var name: String
    public var diskFormat: String
    public var containerFormat = "bare"
    public var visibility = "private"
    public var minDiskGiB = 0
    public var minMemoryMiB = 0
    public var isHidden = false
    public var properties: [String: String] = [:]

    public init(name: String, diskFormat: String) {
        self.name = name
        self.diskFormat = diskFormat
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: AnyKey.self)
        for (key, value) in properties where !GlanceImage.ownKeys.contains(key) {
            try values.encode(value, forKey: AnyKey(key))
        }
        try values.encode(name, forKey: AnyKey("name"))
        try values.encode(diskFormat, forKey: AnyKey("disk_format"))
        try values.encode(containerFormat, forKey: AnyKey("container_format"))
        try values.encode(visibility, forKey: AnyKey("visibility"))
        try values.encode(minDiskGiB, forKey: AnyKey("min_disk"))
        try values.encode(minMemoryMiB, forKey: AnyKey("min_ram"))
        // A Glance before Rocky refuses the field, whatever its value.
        if isHidden { try values.encode(true, forKey: AnyKey("os_hidden")) }
    }
}

/// One change of an image. Several in one call are made together or not at all.
public enum GlanceChange: Sendable, Encodable {
    case name(String)
    case visibility(String)
    case hidden(Bool)
    case protected(Bool)
    case minimum(diskGiB: Int, memoryMiB: Int)
    case property(String, String)
    case removeProperty(String)

    struct Operation: Encodable {
        var op: String
        var path: String
        var value: Value?
    }
    enum Value: Encodable {
        case text(String)
        case number(Int)
        case flag(Bool)

        func encode(to encoder: any Encoder) throws {
            var value = encoder.singleValueContainer()
            switch self {
            case .text(let text): try value.encode(text)
            case .number(let number): try value.encode(number)
            case .flag(let flag): try value.encode(flag)
            }
        }
    }

    var operations: [Operation] {
        switch self {
        case .name(let name): [replace("name", .text(name))]
        case .visibility(let word): [replace("visibility", .text(word))]
        case .hidden(let flag): [replace("os_hidden", .flag(flag))]
        case .protected(let flag): [replace("protected", .flag(flag))]
        case .minimum(let disk, let memory):
            [replace("min_disk", .number(disk)), replace("min_ram", .number(memory))]
        // "add" replaces what is there.
        case .property(let key, let value):
            [Operation(op: "add", path: pointer(key), value: .text(value))]
        case .removeProperty(let key): [Operation(op: "remove", path: pointer(key))]
        }
    }

    private func replace(_ key: String, _ value: Value) -> Operation {
        Operation(op: "replace", path: pointer(key), value: value)
    }

    /// A path of RFC 6901.
    private func pointer(_ key: String) -> String {
        "/" + key.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}

/// A project that an image is shared with.
public struct GlanceMember: Sendable, Hashable, Decodable {
    public var projectID: String
    /// `pending`, `accepted`, `rejected`.
    public var status: String

    enum CodingKeys: String, CodingKey {
        case projectID = "member_id"
        case status
    }
}

/// The quotas of a project and what it uses of them.
public struct GlanceUsage: Sendable, Hashable {
    public struct Measure: Sendable, Hashable, Decodable {
        /// -1: no limit.
        public var limit: Int64
        public var usage: Int64
    }

    /// `image_size_total` (MiB), `image_count_total`, `image_count_uploading` …
    public var measures: [String: Measure]
}
