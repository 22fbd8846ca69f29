/// What tells one content of a file from another: the validators of RFC 9110 section 8.8.
public struct FileVersion: Sendable, Hashable {
    public var tag: EntityTag
    public var modifiedSeconds: Int64
    /// Whether a time alone proves equal bytes: it does not as long as the file may be changed
    /// again within the same second.
    public var isSettled: Bool

    public init(tag: EntityTag, modifiedSeconds: Int64, isSettled: Bool) {
        self.tag = tag
        self.modifiedSeconds = modifiedSeconds
        self.isSettled = isSettled
    }

    var headers: HTTPHeaders {
        var headers: HTTPHeaders = ["ETag": tag.description]
        // A client that got it now would be told later that nothing has changed.
        if isSettled { headers.set("Last-Modified", HTTPDate.text(modifiedSeconds)) }
        return headers
    }

    /// 304 or 412 if the request's conditions ask for it, in the order of section 13.2.2.
    func status(of request: HTTPRequest) -> Int? {
        let headers = request.headers
        if let wanted = headers["If-Match"] {
            if !tag.matchesStrongly(listed: wanted) { return 412 }
        } else if let limit = headers["If-Unmodified-Since"].flatMap(HTTPDate.parse),
            modifiedSeconds > limit
        {
            return 412
        }
        if let known = headers["If-None-Match"] {
            return tag.matchesWeakly(listed: known) ? 304 : nil
        }
        if let since = headers["If-Modified-Since"].flatMap(HTTPDate.parse), isSettled {
            return modifiedSeconds <= since ? 304 : nil
        }
        return nil
    }

    /// Whether a part of the file continues what the client has, by `If-Range`.
    func continues(_ condition: String?) -> Bool {
        guard let condition else { return true }
        if tag.matchesStrongly(condition) { return true }
        return isSettled && HTTPDate.parse(condition) == modifiedSeconds
    }
}
