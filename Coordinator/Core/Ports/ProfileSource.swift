public import BuildProtocol
public import ErrorKit

/// A list of profiles on a server, and what was seen of it.
public protocol ProfileSource: Sendable {
    /// Of the list, for people.
    var url: String { get }
    /// Which of the profiles are looked at. With another value, those that are new are not built.
    var selection: String { get }
    var everySeconds: Int { get }
    /// Whether the profiles of the first look are built.
    var buildsAtFirst: Bool { get }

    /// The names of those that are looked at, and for each a text that changes with it; `""` if the
    /// list has none.
    /// - Throws: `ProfileFault`
    func entries() async throws -> [String: String]
    /// - Throws: `ProfileFault` if the server does not have it, or cannot be asked.
    func document(_ name: String) async throws -> ProfileDocument
    /// - Throws: `ProfileFault` if a file of it cannot be read.
    func map() throws -> ProfileMap
    /// What was seen by this coordinator, or another one; `nil` before the first look.
    /// - Throws: `ProfileFault`
    func memory() throws -> ProfileMemory?
    /// - Throws: `ProfileFault`
    func remember(_ memory: ProfileMemory) throws
}

/// A profile as it is now.
public struct ProfileDocument: Sendable {
    /// Changes when the profile does.
    public var mark: String
    @Bounded<ByteBound> public var sizeBytes: Int64
    /// Or why it cannot be read.
    public var profile: Result<ImageProfile, ProfileFault>

    public init(mark: String, sizeBytes: Int64, profile: Result<ImageProfile, ProfileFault>) {
        self.mark = mark
        self.sizeBytes = sizeBytes
        self.profile = profile
    }
}

/// What was seen of a list of profiles.
public struct ProfileMemory: Sendable, Hashable, Codable {
    public struct Seen: Sendable, Hashable, Codable {
        /// Of the list.
        public var entry: String
        public var mark: String
        /// When a build for a change was asked for last.
        @OptionalBounded<UnixTimeBound> public var changedMilliseconds: Int64?
        /// Since when the list does not have it.
        @OptionalBounded<UnixTimeBound> public var goneMilliseconds: Int64?

        public init(entry: String, mark: String, changedMilliseconds: Int64? = nil) {
            self.entry = entry
            self.mark = mark
            self.changedMilliseconds = changedMilliseconds
        }
    }

    /// That it was seen with.
    public var selection: String
    public var profiles: [String: Seen]

    public init(selection: String, profiles: [String: Seen] = [:]) {
        self.selection = selection
        self.profiles = profiles
    }
}

/// Why a profile, or the list of them, cannot be used.
public typealias ProfileFault = CodedError<ProfileFaultCode>

public enum ProfileFaultCode: UsualFailureCode {
    /// Somebody has to change something.
    case usual
    /// The server cannot be reached, or is slow.
    case unavailable

    public var isPermanent: Bool { self == .usual }
}
