import ProcessKit
import TextKit

extension IPv4Network {
    /// The addresses of this host's interfaces, which are closed to what templates name or run.
    static func ofThisHost() -> [IPv4Network] {
        Namespaces.ownAddresses().compactMap { IPv4Network($0) }
    }
}
