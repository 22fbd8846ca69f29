import HTTPTypes

/// The server of a registry, and what its responses mean by an address.
struct RegistryOrigin: Sendable, Hashable {
    let origin: WebAddress.Origin

    /// Whether an address is the registry's, however it is written, so that the login may go there.
    /// TLS instead of clear text is the same server with a proxy in front.
    func owns(_ url: String) -> Bool {
        guard let other = WebAddress(url)?.origin else { return false }
        return other == origin
            || (other.host == origin.host && other.isEncrypted && !origin.isEncrypted)
    }

    /// What a `Location` or `Link` in the response to `url` means.
    ///
    /// A registry behind a proxy that ends TLS often believes that it is asked in clear text, and
    /// without the proxy's port: the same host by `http` is the server that was asked.
    /// - Returns: `nil` for what is no address, and for one that would leave TLS.
    func resolve(_ reference: String, from url: String) -> String? {
        guard var address = WebAddress(url)?.resolving(reference) else { return nil }
        if origin.isEncrypted, !address.origin.isEncrypted {
            guard address.origin.host == origin.host else { return nil }
            address.origin = origin
        }
        return address.description
    }
}

extension Int {
    /// Whether it is the status of a redirect that names another address.
    var isRedirect: Bool { [301, 302, 303, 307, 308].contains(self) }
}
