/// others.
public enum FetchEvent: Sendable, Hashable, Codable {
    case progress(doneBytes: Int64, totalBytes: Int64?)
    /// All bytes are in the file. `offsetBytes` is where the server began to send: not where it was
    /// asked to, if it cannot resume.
    case done(offsetBytes: Int64, totalBytes: Int64, entityTag: String?)
    /// The server has what `knownTag` names.
    case unchanged
    case failed(FetchFailure)
}
