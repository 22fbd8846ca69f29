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
