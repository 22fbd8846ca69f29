import Support

/// What a backup leaves in the farm's folder for monitoring: when it was complete.
public struct BackupMark: Sendable {
    private let path: String
    private static let limitBytes = 64

    public init(_ places: FarmPlaces) { path = places.sharedFolder + "/last-backup" }

    /// Unix seconds; `nil` if there is none, or nothing that can be read.
    public func read() -> Int64? {
        guard let bytes = try? Files.read(path, limitBytes: Self.limitBytes) else { return nil }
        return Int64(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
    }

    /// The backup is whole, whether or not this can be done.
    func write(as user: FarmUser, say: (String) -> Void) {
        let seconds = Clocks.unixMilliseconds() / 1000
        do {
            try user.act(at: Files.folder(of: path)) { () throws(SystemError) in
                try Files.replace(path, with: Array("\(seconds)\n".utf8))
            }
        } catch { say("Warning: monitoring does not learn of this backup: \(error)") }
    }
}
