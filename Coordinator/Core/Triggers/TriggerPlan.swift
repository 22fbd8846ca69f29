public import BuildProtocol
import TextKit

/// What builds a guest OS without a push or a person, as its `aibuild.yml` says.
public struct TriggerPlan: Sendable, Hashable, Codable {
    public var schedule: Schedule?
    /// Guest OSes whose new images this one is rebuilt for.
    public var parents: [String] = []
    public var baseImage: BaseImageWatch?
    public var packages: PackageWatch?
    /// An image that passed may get this old.
    @OptionalBounded<TriggerSecondsBound> public var maxAgeSeconds: Int?

    public init() {}

    public var isEmpty: Bool { self == TriggerPlan() }

    public struct Schedule: Sendable, Hashable, Codable {
        public var cron: String
        public var timeZone: String
        /// Each guest OS is built this much later at most, always as much.
        @Bounded<TriggerSecondsBound> public var jitterSeconds: Int

        public init(cron: String, timeZone: String = "UTC", jitterSeconds: Int = 0) {
            self.cron = cron
            self.timeZone = timeZone
            self.jitterSeconds = jitterSeconds
        }

        /// `0 3 * * 1 (Europe/Berlin)`
        public var text: String { "\(cron) (\(timeZone))" }
    }

    /// A base image that is looked at regularly.
    public struct BaseImageWatch: Sendable, Hashable, Codable {
        public var url: String
        /// Of the checksum file, if the template names one.
        public var checksumURL: String?
        /// Of the digests in it: sha256 or sha512.
        public var algorithm: String?
        @Bounded<TriggerSecondsBound> public var everySeconds: Int

        public init(
            url: String, checksumURL: String? = nil, algorithm: String? = nil, everySeconds: Int
        ) {
            self.url = url
            self.checksumURL = checksumURL
            self.algorithm = algorithm
            self.everySeconds = everySeconds
        }
    }
}

/// Times between automatic builds, in seconds; a century at most.
public enum TriggerSecondsBound: NumberBound { public static let range = 0...36_525 * 86_400 }

extension TriggerPlan.Schedule {
    /// How much later than its schedule the guest OS is built. It is the same whenever it is
    /// computed, and differs between guest OSes, so that one time does not start all of them.
    public func delayMilliseconds(ofGuestOS id: String) -> Int64 {
        let milliseconds = UInt64(max(0, jitterSeconds)) * 1000 + 1
        return Int64(StableHash.of(id) % milliseconds)
    }
}

/// The same number for the same text in every process.
public enum StableHash {
    public static func of(_ text: String) -> UInt64 {
        // FNV-1a, and the end of SplitMix64: ids that differ in their last digits spread evenly.
        var hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        return hash ^ hash >> 31
    }
}
