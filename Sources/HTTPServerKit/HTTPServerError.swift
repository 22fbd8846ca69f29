/// Why a server does not start. The description is a complete message for people.
public enum HTTPServerError: Error, Sendable, Hashable {
    /// `owner` is the program that listens there, if `/proc` shows it.
    case portTaken(host: String, port: UInt16, owner: String?, portSetting: String)
    case addressInvalid(String)
    case addressNotHere(String)
    case portForbidden(UInt16, portSetting: String)
    case cannotListen(host: String, port: UInt16, reason: String)
    case cannotStart(reason: String)
}

extension HTTPServerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .portTaken(let host, let port, let owner, let portSetting):
            "port \(port) on \(host) is in use by \(owner ?? "another program"); "
                + "stop it or choose another with \(portSetting)"
        case .addressInvalid(let host):
            "cannot listen on '\(host)': it is no IP address; write 127.0.0.1 for this machine "
                + "only, 0.0.0.0 or :: for all its interfaces"
        case .addressNotHere(let host):
            "cannot listen on \(host): no interface of this machine has that address"
        case .portForbidden(let port, let portSetting):
            "port \(port) is reserved for privileged programs; "
                + "choose one above 1023 with \(portSetting)"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host) port \(port): \(reason)"
        case .cannotStart(let reason): "cannot start the HTTP server: \(reason)"
        }
    }
}
