import Glibc
import TextKit

/// Host keys as people have them: a `.pub` file, lines of `known_hosts`, the output of
/// `ssh-keyscan`.
public enum KnownHosts {
    private struct Line {
        enum Marker { case none, revoked, authority }

        var marker: Marker
        /// The patterns before the key; `nil` for a `.pub` file, which names no host.
        var hosts: Substring?
        var key: SSHHostKey
    }

    /// The key of a host in a text. If there are keys of several types, the preferred one: ed25519,
    /// ECDSA, RSA.
    /// - Throws: `SSHError` (`hostKeyInvalid`) that says which line is wrong, or what is missing.
    public static func key(of endpoint: SSHEndpoint, in text: String) throws(SSHError) -> SSHHostKey
    {
        guard text.utf8.count <= SSHLimits.knownHostsBytes else {
            throw invalid("has more than \(SSHLimits.knownHostsBytes >> 10) KiB")
        }
        var lines: [Line] = []
        for (index, line) in text.lines.enumerated() {
            if let line = try parse(line, number: index + 1) { lines.append(line) }
        }
        guard !lines.isEmpty else {
            throw invalid(
                "has no key of a type known here (\(SSHHostKey.knownTypes.joined(separator: ", ")))"
            )
        }
        let ours = lines.filter { $0.hosts.map { matches($0, endpoint) } ?? true }
        let revoked = Set(ours.filter { $0.marker == .revoked }.map(\.key))
        let usable = ours.filter { $0.marker == .none && !revoked.contains($0.key) }.map(\.key)
        guard !usable.isEmpty else {
            throw missing(endpoint, lines, isRevoked: !revoked.isEmpty, ours)
        }
        let best =
            SSHHostKey.knownTypes.lazy.compactMap { type in
                Set(usable.filter { $0.type == type }).nonEmpty
            }.first ?? []
        guard best.count == 1, let key = best.first else {
            let keys = best.map(\.fingerprint).sorted().joined(separator: ", ")
            throw invalid(
                "has several keys of one type for \(endpoint.place): \(keys). Give the line of "
                    + "the one that the host has")
        }
        return key
    }

    private static func missing(
        _ endpoint: SSHEndpoint, _ lines: [Line], isRevoked: Bool, _ ours: [Line]
    ) -> SSHError {
        if isRevoked { return invalid("says that the key of \(endpoint.place) is revoked") }
        if ours.contains(where: { $0.marker == .authority }) {
            return invalid(
                "has only an authority's key (@cert-authority) for \(endpoint.place); host "
                    + "certificates are not supported: give the host's own key")
        }
        let names = Set(lines.compactMap(\.hosts)).sorted().prefix(5)
            .map { printable(String($0.prefix(80))) }.joined(separator: " ")
        return invalid(
            "has no line for \(name(of: endpoint)), only for \(names). Use a name of these in the "
                + "address, or give the key alone: type and base64 text")
    }

    private static func invalid(_ why: String) -> SSHError {
        SSHError(.hostKeyInvalid, "The text with the host key \(why).")
    }

    /// `nil` for an empty line, a comment, and a key of another type.
    private static func parse(_ line: Substring, number: Int) throws(SSHError) -> Line? {
        var words = line.split(whereSeparator: \.isWhitespace)
        guard let first = words.first, !first.hasPrefix("#") else { return nil }
        var marker = Line.Marker.none
        switch first {
        case "@revoked": marker = .revoked
        case "@cert-authority": marker = .authority
        case _ where first.hasPrefix("@"):
            throw invalid("has an unknown marker in line \(number): \(printable(String(first)))")
        default: break
        }
        if marker != .none { words.removeFirst() }
        var hosts: Substring?
        if words.count > 2, !looksLikeKey(words) { hosts = words.removeFirst() }
        guard words.count >= 2 else {
            // What is no line of such a file is explained as the key that it should be.
            _ = try SSHHostKey(String(line))
            return nil
        }
        guard hosts == nil || SSHHostKey.knownTypes.contains(String(words[0])) else { return nil }
        return Line(
            marker: marker, hosts: hosts, key: try SSHHostKey(words.joined(separator: " ")))
    }

    /// `type base64 comment`, and not `hosts type base64`.
    private static func looksLikeKey(_ words: [Substring]) -> Bool {
        SSHHostKey.knownTypes.contains(String(words[0])) && words[1].hasPrefix("AAAA")
    }

    // MARK: Names

    /// As `known_hosts` writes it: the port only if it is not SSH's own.
    private static func name(of endpoint: SSHEndpoint) -> String {
        endpoint.port == 22 ? endpoint.host : "[\(endpoint.host)]:\(endpoint.port)"
    }

    private static func matches(_ hosts: Substring, _ endpoint: SSHEndpoint) -> Bool {
        let plain = plainAddress(endpoint.host) ?? endpoint.host.lowercased()
        let port = endpoint.port == 22 ? nil : endpoint.port
        let name = port.map { "[\(plain)]:\($0)" } ?? plain
        if hosts.hasPrefix("|") {
            // ssh hashes the name as it was typed.
            let typed = port.map { "[\(endpoint.host)]:\($0)" } ?? endpoint.host
            return HashedName(hosts).map { $0.matches(name) || $0.matches(typed) } ?? false
        }
        var isOurs = false
        for pattern in hosts.split(separator: ",") {
            let isNegated = pattern.hasPrefix("!")
            let text = (isNegated ? pattern.dropFirst() : pattern).lowercased()
            guard fits(Array(name.utf8)[...], Array(normalized(text).utf8)[...]) else { continue }
            if isNegated { return false }
            isOurs = true
        }
        return isOurs
    }

    /// A pattern whose IPv6 address is written as `inet_ntop` writes it; `[…]:22` without its port.
    private static func normalized(_ pattern: String) -> String {
        guard pattern.hasPrefix("["), let end = pattern.firstIndex(of: "]") else {
            return plainAddress(pattern) ?? pattern
        }
        let host = String(pattern[pattern.index(after: pattern.startIndex)..<end])
        let plain = plainAddress(host) ?? host
        let port = pattern[pattern.index(after: end)...]
        return port == ":22" || port.isEmpty ? plain : "[\(plain)]\(port)"
    }

    private static func plainAddress(_ text: String) -> String? {
        guard text.contains(":") else { return nil }
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &address, &buffer, socklen_t(buffer.count)) != nil else {
            return nil
        }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `*` and `?`, as ssh matches them; in linear time for each `*`.
    private static func fits(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var (name, pattern) = (name, pattern)
        var retry: (name: ArraySlice<UInt8>, pattern: ArraySlice<UInt8>)?
        while !name.isEmpty || !pattern.isEmpty {
            if pattern.first == UInt8(ascii: "*") {
                pattern = pattern.dropFirst()
                retry = (name, pattern)
            } else if let byte = name.first,
                pattern.first == byte || pattern.first == UInt8(ascii: "?")
            {
                name = name.dropFirst()
                pattern = pattern.dropFirst()
            } else if let last = retry, !last.name.isEmpty {
                retry = (last.name.dropFirst(), last.pattern)
                (name, pattern) = (last.name.dropFirst(), last.pattern)
            } else {
                return false
            }
        }
        return true
    }
}

extension Set {
    fileprivate var nonEmpty: Set? { isEmpty ? nil : self }
}
