extension MariaDBEndpoint {
    /// Option files for MariaDB's own programs, with the password: one for this server, then one
    /// for each alternative.
    public var optionFiles: [String] { candidates.map(\.optionFile) }

    private var optionFile: String {
        var lines = ["[client]", Self.option("user", user), Self.option("password", password)]
        if let socket {
            lines += [Self.option("socket", socket), "protocol=socket"]
        } else {
            lines += [Self.option("host", host), "port=\(port)", "protocol=tcp"]
        }
        if let tls {
            lines += ["ssl", "ssl-verify-server-cert", Self.option("ssl-ca", tls.authorities)]
            if let certificate = tls.certificate {
                lines.append(Self.option("ssl-cert", certificate))
            }
            if let key = tls.key { lines.append(Self.option("ssl-key", key)) }
        } else {
            // Newer programs insist on TLS otherwise.
            lines.append("skip-ssl")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func option(_ name: String, _ value: String) -> String {
        var quoted = ""
        for scalar in value.unicodeScalars {
            if scalar == "\\" || scalar == "\"" { quoted.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return "\(name)=\"\(quoted)\""
    }
}
