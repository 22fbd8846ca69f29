import HTTPTypes
import YAMLKit

/// A port that a key of coordinator.yml takes at an address of this machine.
struct PortClaim: CustomStringConvertible {
    let listen: String
    let port: Int
    /// Of the key; its message is empty.
    let place: YAMLError
    /// Whether the key is not in the file.
    var isDefault = false

    /// - Throws: at this key, if one of the others has the port already.
    func check(against others: [PortClaim]) throws(YAMLError) {
        guard let other = others.first(where: { $0.overlaps(listen, port) }) else { return }
        var error = place
        error.message =
            "\(port) is the port of \(other) as well. Choose another port, or a listen address "
            + "that differs"
        throw error
    }

    /// Whether two servers cannot both listen there. The port 0 is a free one.
    func overlaps(_ otherListen: String, _ otherPort: Int) -> Bool {
        guard port == otherPort, port != 0 else { return false }
        guard let own = Self.address(listen), let other = Self.address(otherListen) else {
            return listen == otherListen
        }
        return own == other || Self.covers(own, other) || Self.covers(other, own)
    }

    /// Whether an address stands for all of this machine, with the other one among them. That of
    /// IPv6 takes IPv4 as well.
    private static func covers(_ all: IPAddress, _ one: IPAddress) -> Bool {
        if all == IPAddress("::") { return true }
        return all == IPAddress("0.0.0.0") && IPNetwork("0.0.0.0/0")?.contains(one) == true
    }

    private static func address(_ listen: String) -> IPAddress? {
        IPAddress(listen == "localhost" ? "127.0.0.1" : listen)
    }

    /// `api.port (/etc/aibuild/coordinator.yml:3:9)`
    var description: String {
        "\(place.key) ("
            + (isDefault ? "its default" : "\(place.file):\(place.line):\(place.column)") + ")"
    }
}
