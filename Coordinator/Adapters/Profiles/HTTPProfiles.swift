import BuildProtocol
public import CoordinatorCore
import FoundationEssentials
import HTTPClientKit
import Support
import TextKit

/// A list of profiles on a web server. What was seen of it is in a file that all coordinators
/// share.
public struct HTTPProfiles: ProfileSource {
    /// `profiles:` in coordinator.yml.
    public struct Settings: Sendable, Hashable {
        /// Of the list.
        public var url: String
        /// Above the profiles.
        public var folderURL: String
        /// A part of the names that are looked at; empty: all.
        public var match: String
        public var everySeconds: Int
        public var buildsAtFirst: Bool
        public var templateMap: String
        public var sourceImages: String
        public var metadata: [ProfileMetadata]

        public init(
            url: String, folderURL: String, match: String, everySeconds: Int, buildsAtFirst: Bool,
            templateMap: String, sourceImages: String, metadata: [ProfileMetadata]
        ) {
            self.url = url
            self.folderURL = folderURL
            self.match = match
            self.everySeconds = everySeconds
            self.buildsAtFirst = buildsAtFirst
            self.templateMap = templateMap
            self.sourceImages = sourceImages
            self.metadata = metadata
        }
    }

    private let settings: Settings
    private let memoryPath: String
    private let http: HTTPClient
    private let timeouts: HTTPTimeouts

    /// A list of 20,000 profiles has 2 MiB, a profile with all packages of a machine one or two.
    private static let answerBytes = 16 << 20
    private static let mapBytes = 4 << 20
    /// As many profiles as a list may have, with names and entries that are as long as they may be.
    private static let memoryBytes = 64 << 20

    /// - Parameters:
    ///   - memoryPath: the file.
    ///   - authorities: a file of trusted authorities; `nil`: the system's.
    public init(
        _ settings: Settings, memoryPath: String, authorities: String? = nil,
        stallSeconds: Double = 20
    ) {
        self.settings = settings
        self.memoryPath = memoryPath
        var limits = HTTPClientLimits()
        limits.answerBytes = Self.answerBytes
        limits.transfers = 1
        limits.trustedRedirects = 3
        http = HTTPClient(limits: limits, tls: TLSFiles(authorities: authorities))
        timeouts = HTTPTimeouts(
            connectSeconds: 10, stallSeconds: stallSeconds, totalSeconds: 3 * stallSeconds)
    }

    public var url: String { settings.url }
    public var selection: String { "\(settings.match) in \(settings.url)" }
    public var everySeconds: Int { settings.everySeconds }
    public var buildsAtFirst: Bool { settings.buildsAtFirst }

    // MARK: The server

    public func entries() async throws -> [String: String] {
        let what = "the list of profiles \(settings.url)"
        let bytes = try await fetch(settings.url, what)
        return try await OwnThread.run {
            do throws(ProfileFault) {
                return try ProfileReader.entries(bytes, match: settings.match)
            } catch { throw ProfileFault("\(what) cannot be used", cause: error) }
        }
    }

    public func document(_ name: String) async throws -> ProfileDocument {
        guard Self.isUsable(name) else {
            throw ProfileFault(
                "the name is refused: it must be a path of letters, digits and . _ - + : @")
        }
        let bytes = try await fetch("\(settings.folderURL)/\(name)", "the profile")
        return try await OwnThread.run {
            let profile = Result { () throws(ProfileFault) in try ProfileReader.profile(bytes) }
            return ProfileDocument(
                mark: SHA256.hex(bytes), sizeBytes: Int64(bytes.count), profile: profile)
        }
    }

    private static func isUsable(_ name: String) -> Bool {
        name.pathSegments.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122: true
                default: "/._-+:@".utf8.contains(byte)
                }
            }
    }

    private func fetch(_ url: String, _ what: String) async throws -> [UInt8] {
        let answer: HTTPAnswer
        do throws(HTTPClientError) {
            answer = try await http.request("GET", url, timeouts: timeouts)
        } catch {
            throw ProfileFault(
                error.isPermanent ? .usual : .unavailable, "cannot read \(what)", cause: error)
        }
        guard answer.status == 200 else {
            throw ProfileFault(
                answer.status >= 500 ? .unavailable : .usual,
                "cannot read \(what): the server responded with \(answer.status)")
        }
        return answer.body
    }

    // MARK: Files

    public func map() throws -> ProfileMap {
        try ProfileMap(
            templateMap: read(settings.templateMap, Self.mapBytes),
            sourceImages: read(settings.sourceImages, Self.mapBytes), metadata: settings.metadata)
    }

    public func memory() throws -> ProfileMemory? {
        guard Files.exists(memoryPath) else { return nil }
        let bytes = try read(memoryPath, Self.memoryBytes)
        do { return try JSONDecoder().decode(ProfileMemory.self, from: Data(bytes)) } catch {
            throw ProfileFault(
                "\(memoryPath), which has what was seen of profiles, is damaged: restore it from "
                    + "a backup, or remove it to begin with the profiles as they are now")
        }
    }

    public func remember(_ memory: ProfileMemory) throws {
        do {
            try Files.replace(memoryPath, with: CanonicalJSON.encode(memory), mode: 0o640)
        } catch { throw ProfileFault(.unavailable, "cannot remember the profiles", cause: error) }
    }

    private func read(_ path: String, _ limitBytes: Int) throws(ProfileFault) -> [UInt8] {
        do throws(SystemError) {
            return try Files.read(path, limitBytes: limitBytes)
        } catch { throw ProfileFault("cannot read a file of profiles", cause: error) }
    }
}
