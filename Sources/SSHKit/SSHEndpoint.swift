/// User, host and port of an SSH server.
public struct SSHEndpoint: Sendable, Hashable, CustomStringConvertible {
    public var user: String
    /// A name or an address; an IPv6 address without brackets.
    public var host: String
    public var port: UInt16

    public init(user: String, host: String, port: UInt16 = 22) {
        self.user = user
        self.host = host
        self.port = port
    }

    /// Parses `user@host`, `user@host:port`, `user@[2001:db8::1]:port`.
    /// - Throws: `SSHError` (`addressInvalid`).
    public init(_ text: String) throws(SSHError) {
        func invalid(_ why: String) -> SSHError {
            SSHError(
                .addressInvalid,
                "'\(printable(text))' is no SSH address: \(why). Write USER@HOST or "
                    + "USER@HOST:PORT, an IPv6 address in brackets: USER@[2001:db8::1]:22.")
        }
        guard text.utf8.count <= 320 else { throw invalid("it is too long") }
        guard let at = text.lastIndex(of: "@") else { throw invalid("it names no user") }
        let user = text[..<at]
        let rest = text[text.index(after: at)...]
        guard Self.isUser(user) else { throw invalid("the user's name is empty or not a name") }

        let host: Substring
        var portText: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw invalid("a ']' is missing") }
            host = rest[rest.index(after: rest.startIndex)..<end]
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else {
                throw invalid("only ':PORT' may follow ']'")
            }
            portText = tail.isEmpty ? nil : tail.dropFirst()
            let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            guard host.contains(":"), parts[0].allSatisfy({ $0.isHexDigit || ":.".contains($0) }),
                parts.count == 1 || Self.isHost(parts[1])
            else { throw invalid("what stands in brackets is no IPv6 address") }
        } else {
            let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { throw invalid("an IPv6 address needs brackets") }
            host = parts[0]
            portText = parts.count == 2 ? parts[1] : nil
            guard Self.isHost(host) else { throw invalid("the host is empty or not a name") }
        }
        var port: UInt16 = 22
        if let portText {
            guard let number = UInt16(portText), number > 0 else {
                throw invalid("the port is no number from 1 to 65535")
            }
            port = number
        }
        self.init(user: String(user), host: String(host), port: port)
    }

    /// In the format that is parsed.
    public var description: String { "\(user)@\(place)" }

    /// `host:port`, for messages.
    var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func isUser(_ text: Substring) -> Bool {
        !text.isEmpty && !text.hasPrefix("-")
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
    }

    private static func isHost(_ text: Substring) -> Bool {
        !text.isEmpty && !text.hasPrefix("-")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// Untrusted text for a message: printable ASCII, shortened.
func printable(_ text: String) -> String {
    var kept = ""
    for scalar in text.unicodeScalars.prefix(300) {
        kept += scalar.value >= 0x20 && scalar.value < 0x7F ? String(scalar) : "?"
    }
    return text.unicodeScalars.count > 300 ? kept + "…" : kept
}
